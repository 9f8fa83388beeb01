import { describe, expect, it } from 'vitest';
import rbac from '../../../schemas/facts/rbac.json' with { type: 'json' };
import { createAuthorizer } from '../authorization/authorizer.ts';
import type { RequestInfo } from '../request.ts';
import { fakeCluster } from '../testing/fake-cluster.ts';
import { userOfCaller } from './callers.ts';

/** With the roles that every cluster begins with. */
function allows() {
  const cluster = fakeCluster();
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  for (const role of rbac.clusterRoles) cluster.put({ apiVersion, kind: 'ClusterRole', ...role });
  for (const binding of rbac.clusterRoleBindings) cluster.put({ apiVersion, kind: 'ClusterRoleBinding', ...binding });
  const authorizer = createAuthorizer(cluster);
  return (caller: string, asked: string): boolean => {
    const [verb = '', path = '', namespace = '', name = ''] = asked.split(' ');
    const [group = '', resource = ''] = path.includes('/') ? path.split('/') : ['', path];
    const info: RequestInfo = { isResource: true, path: '', verb, group, version: 'v1', resource, subresource: '', namespace, name }; // prettier-ignore
    return authorizer.authorize(userOfCaller(caller), info).allowed === 'yes';
  };
}

describe('the proxy of a node', () => {
  it('is the user that kube-proxy is', () =>
    expect(userOfCaller('kube-proxy')).toMatchObject({ name: 'system:kube-proxy', agent: 'kube-proxy' }));
  it.each([
    ['watch services', true],
    ['watch discovery.k8s.io/endpointslices', true],
    ['watch nodes', true],
    ['watch networking.k8s.io/servicecidrs', true],
    ['create events default', true],
    ['get secrets kube-system x', false],
    ['list configmaps', false],
    ['list pods', false],
    ['update services default web', false],
    ['update nodes  n1', false],
    ['delete discovery.k8s.io/endpointslices default web', false],
  ])('%s: %j', (asked, isAllowed) => expect(allows()('kube-proxy', asked)).toBe(isAllowed));
});
