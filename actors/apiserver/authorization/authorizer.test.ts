import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../schemas/meta/status.ts';
import { KEY_LABEL, REVOKED_LABEL } from '../../runtime/node-labels.ts';
import type { ApiRequest, RequestInfo, UserInfo } from '../request.ts';
import { attributesOf, fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { createAuthorizer } from './authorizer.ts';
import { createEscalationCheck } from './escalation.ts';
import { forbidden } from './forbidden.ts';
import { createReviews } from './reviews.ts';

const info = (more: Partial<RequestInfo> = {}): RequestInfo => ({
  isResource: true, path: '', verb: 'list', group: '', version: 'v1', resource: 'configmaps', subresource: '',
  namespace: 'd', name: '', ...more,
}); // prettier-ignore
const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
const RBAC = 'rbac.authorization.k8s.io';
const role = (name: string, rules: unknown[], namespace?: string) => ({
  kind: namespace === undefined ? 'ClusterRole' : 'Role',
  apiVersion: `${RBAC}/v1`,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  rules,
});
const binding = (name: string, to: unknown, subjects: unknown[], namespace?: string) => ({
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  apiVersion: `${RBAC}/v1`,
  metadata: { name, ...(namespace !== undefined && { namespace }) },
  roleRef: { apiGroup: RBAC, ...(to as object) },
  subjects,
});
const user = (name: string) => ({ kind: 'User', apiGroup: RBAC, name });
const reading = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }];
const deciderOf = (c: FakeCluster) => {
  const authorizer = createAuthorizer(c);
  return (who: UserInfo, what: RequestInfo) => authorizer.authorize(who, what);
};
const grant = (c: FakeCluster): void => {
  c.put(role('reader', reading, 'd'));
  c.put(binding('b', { kind: 'Role', name: 'reader' }, [user('alice')], 'd'));
};

describe('decisions', () => {
  it('allow by a role in its namespace alone, and say by which binding', () => {
    const c = fakeCluster();
    grant(c);
    const authorize = deciderOf(c);
    expect(authorize(alice, info())).toEqual({
      allowed: 'yes',
      reason: 'RBAC: allowed by RoleBinding "b/d" of Role "reader" to User "alice"',
    });
    expect(authorize(alice, info({ namespace: 'e' })).allowed).toBe('noOpinion');
    expect(authorize(alice, info({ verb: 'delete' }))).toEqual({ allowed: 'noOpinion', reason: '' });
  });
  it('are forgotten when a role, a binding or a subject changes', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    expect(authorize(alice, info()).allowed).toBe('noOpinion');
    grant(c);
    expect(authorize(alice, info()).allowed).toBe('yes');
    c.put(role('reader', [], 'd'));
    expect(authorize(alice, info()).allowed).toBe('noOpinion');
    c.put(role('reader', reading, 'd'));
    c.put(binding('b', { kind: 'Role', name: 'reader' }, [user('bob')], 'd'));
    expect(authorize(alice, info()).allowed).toBe('noOpinion');
    c.put(binding('b', { kind: 'Role', name: 'reader' }, [user('bob'), user('alice')], 'd'));
    expect(authorize(alice, info()).allowed).toBe('yes');
    c.remove({ group: RBAC, version: 'v1', resource: 'rolebindings' }, 'd', 'b');
    expect(authorize(alice, info()).allowed).toBe('noOpinion');
  });
  it('find service accounts and groups, and name a role that is missing', () => {
    const c = fakeCluster();
    c.put(role('all', reading));
    c.put(binding('sa', { kind: 'ClusterRole', name: 'all' }, [{ kind: 'ServiceAccount', name: 's', namespace: 'x' }]));
    c.put(binding('none', { kind: 'ClusterRole', name: 'gone' }, [{ kind: 'Group', name: 'system:authenticated' }]));
    const authorize = deciderOf(c);
    const account: UserInfo = { name: 'system:serviceaccount:x:s', groups: [] };
    expect(authorize(account, info()).reason).toBe(
      'RBAC: allowed by ClusterRoleBinding "sa" of ClusterRole "all" to ServiceAccount "s/x"',
    );
    expect(authorize(alice, info()).reason).toBe('RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found');
  });
  it('allow everything to system:masters', () => {
    const authorize = deciderOf(fakeCluster());
    expect(authorize({ name: 'x', groups: ['system:masters'] }, info()).allowed).toBe('yes');
  });
});

describe('nodes', () => {
  const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
  const pod = (name: string, nodeName: string | undefined, spec: object = {}) => ({
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'd' },
    spec: { ...(nodeName !== undefined && { nodeName }), ...spec },
  });
  const secret = (name: string): RequestInfo => info({ verb: 'get', resource: 'secrets', name });
  it('read what their pods name, as long as these run on them', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    expect(authorize(node, secret('s')).reason).toBe("no relationship found between node 'n1' and this object");
    c.put(pod('p', undefined, { volumes: [{ name: 'v', secret: { secretName: 's' } }] }));
    expect(authorize(node, secret('s')).allowed).toBe('noOpinion');
    c.put(pod('p', 'n1', { volumes: [{ name: 'v', secret: { secretName: 's' } }] }));
    expect(authorize(node, secret('s')).allowed).toBe('yes');
    c.put(pod('q', 'n2', { volumes: [{ name: 'v', secret: { secretName: 't' } }] }));
    expect(authorize(node, secret('t')).allowed).toBe('noOpinion');
    c.remove({ group: '', version: 'v1', resource: 'pods' }, 'd', 'p');
    expect(authorize(node, secret('s')).allowed).toBe('noOpinion');
  });
  it('may nothing once they were revoked, whatever roles say, until that is taken back or their Node is gone', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    c.put(role('all', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]));
    c.put(binding('nodes', { kind: 'ClusterRole', name: 'all' }, [{ kind: 'Group', apiGroup: RBAC, name: 'system:nodes' }])); // prettier-ignore
    const named = (name: string, labels: object) => ({ kind: 'Node', apiVersion: 'v1', metadata: { name, labels } });
    const own = info({ verb: 'get', resource: 'nodes', namespace: '', name: 'n1' });
    const asked = [own, secret('s'), info({ verb: 'create', group: 'certificates.k8s.io', resource: 'certificatesigningrequests' })]; // prettier-ignore
    const allowed = () => asked.map((what) => authorize(node, what).allowed);
    expect(allowed()).toEqual(['yes', 'yes', 'yes']);
    c.put(named('n1', { [REVOKED_LABEL]: '' }));
    expect(allowed()).toEqual(['no', 'no', 'no']);
    expect(authorize(node, own).reason).toBe("node 'n1' was revoked");
    expect(authorize({ ...node, name: 'system:node:n2' }, secret('s')).allowed).toBe('yes');
    c.put(named('n1', {}));
    expect(allowed()).toEqual(['yes', 'yes', 'yes']);
    c.put(named('n1', { [REVOKED_LABEL]: 'true' }));
    c.remove({ group: '', version: 'v1', resource: 'nodes' }, '', 'n1');
    expect(allowed()).toEqual(['yes', 'yes', 'yes']);
  });
  it('that joined are not believed by a certificate of the Node before them, others are', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    const made = (labels: object) => c.put({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'n1', labels, creationTimestamp: '2026-01-01T00:00:00Z' } }); // prettier-ignore
    const own = info({ verb: 'get', resource: 'nodes', namespace: '', name: 'n1' });
    const minutes = (of: number): number => Date.parse('2026-01-01T00:00:00Z') + of * 60_000;
    const by = (certifiedSince: number | undefined) => authorize({ ...node, certifiedSince }, own);
    made({ [KEY_LABEL]: 'UAAA' });
    // Signers date back by five minutes.
    expect([undefined, minutes(60), minutes(-5), minutes(-6)].map((since) => by(since).allowed)).toEqual(['yes', 'yes', 'yes', 'no']); // prettier-ignore
    expect(by(minutes(-6)).reason).toBe("the certificate is older than node 'n1', which joined since");
    made({});
    expect(by(minutes(-6)).allowed).toBe('yes');
  });
  it('reach a volume through the claim of a pod, and the secret through the volume', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    c.put(pod('p', 'n1', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }] }));
    c.put({
      kind: 'PersistentVolume', apiVersion: 'v1', metadata: { name: 'pv' },
      spec: { claimRef: { namespace: 'd', name: 'claim' }, csi: { driver: 'x', volumeHandle: 'h', nodeStageSecretRef: { name: 'vs', namespace: 'd' } } },
    }); // prettier-ignore
    expect(
      authorize(node, info({ verb: 'get', resource: 'persistentvolumes', namespace: '', name: 'pv' })).allowed,
    ).toBe('yes');
    expect(authorize(node, secret('vs')).allowed).toBe('yes');
  });
  it('gain nothing by a mirror pod', () => {
    const c = fakeCluster();
    const authorize = deciderOf(c);
    const mirror = pod('p', 'n1', { volumes: [{ name: 'v', secret: { secretName: 's' } }] });
    c.put({ ...mirror, metadata: { ...mirror.metadata, annotations: { 'kubernetes.io/config.mirror': 'x' } } });
    expect(authorize(node, secret('s')).allowed).toBe('noOpinion');
  });
  const table: [string, Partial<RequestInfo>, boolean][] = [
    ['list their own pods', { resource: 'pods', namespace: '', fieldSelector: 'spec.nodeName=n1' }, true],
    ['not list all pods', { resource: 'pods', namespace: '' }, false],
    ['not list others', { resource: 'pods', namespace: '', fieldSelector: 'spec.nodeName!=n1' }, false],
    ['read their own node', { verb: 'get', resource: 'nodes', namespace: '', name: 'n1' }, true],
    ['not read another node', { verb: 'get', resource: 'nodes', namespace: '', name: 'n2' }, false],
    ['renew their own lease', { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease', name: 'n1' }, true],
    ['not another lease', { verb: 'update', group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-node-lease', name: 'n2' }, false],
    ['not a lease elsewhere', { verb: 'get', group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system', name: 'n1' }, false],
    ['list services', { resource: 'services', namespace: '' }, true],
    ['not list secrets', { resource: 'secrets' }, false],
  ]; // prettier-ignore
  it.each(table)('may %s', (_, request, allowed) => {
    const authorize = deciderOf(fakeCluster());
    expect(authorize(node, info(request)).allowed === 'yes').toBe(allowed);
  });
});

it('a role that is missing is called what the one who asks for it wants it called', () => {
  const c = fakeCluster();
  c.put(binding('none', { kind: 'ClusterRole', name: 'gone' }, [user('alice')]));
  const { rbac } = createAuthorizer(c);
  expect(rbac.rulesFor(alice, '').errors).toEqual(['clusterrole.rbac.authorization.k8s.io "gone" not found']);
  expect(rbac.rulesFor(alice, '', 'roles').errors).toEqual(['roles.rbac.authorization.k8s.io "gone" not found']);
});
it('decisions are counted by who made them', () => {
  const c = fakeCluster();
  grant(c);
  const authorizer = createAuthorizer(c);
  authorizer.authorize(alice, info());
  authorizer.authorize(alice, info());
  authorizer.authorize(alice, info({ verb: 'delete' }));
  authorizer.authorize({ name: 'system:node:n', groups: ['system:nodes'] }, info({ verb: 'create', resource: 'nodes', namespace: '' })); // prettier-ignore
  expect([...authorizer.decisions()]).toEqual([
    [{ decision: 'allowed', name: 'node', type: 'Node' }, 1],
    [{ decision: 'allowed', name: 'rbac', type: 'RBAC' }, 2],
  ]);
});
describe('refusals', () => {
  it.each([
    [info(), 'configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace "d"'],
    [info({ verb: 'get', name: 'a' }), 'configmaps "a" is forbidden: User "alice" cannot get resource "configmaps" in API group "" in the namespace "d"'],
    [info({ resource: 'nodes', namespace: '' }), 'nodes is forbidden: User "alice" cannot list resource "nodes" in API group "" at the cluster scope'],
    [info({ verb: 'get', resource: 'pods', subresource: 'log', name: 'p' }), 'pods "p" is forbidden: User "alice" cannot get resource "pods/log" in API group "" in the namespace "d"'],
    [info({ isResource: false, verb: 'get', path: '/metrics' }), 'forbidden: User "alice" cannot get path "/metrics"'],
    [info({ isResource: false, verb: 'get', path: '/<b>&\u0001' }), 'forbidden: User "alice" cannot get path "/&lt;b&gt;&amp;\\x01"'],
    [info({ verb: 'create', group: RBAC, resource: 'roles' }), 'roles.rbac.authorization.k8s.io is forbidden: User "alice" cannot create resource "roles" in API group "rbac.authorization.k8s.io" in the namespace "d"'],
  ])('%#', (request, message) => {
    expect(forbidden(alice, request, '').message).toBe(message);
  }); // prettier-ignore
});

describe('writing roles', () => {
  const setUp = () => {
    const c = fakeCluster();
    grant(c);
    const authorizer = createAuthorizer(c);
    const check = createEscalationCheck(authorizer);
    const attempt = (object: object, more = {}) => {
      try {
        void check.validate!(attributesOf(c, 'CREATE', object, { user: alice, ...more }));
        return 'allowed';
      } catch (error) {
        return statusOf(error)?.message ?? String(error);
      }
    };
    return { c, attempt };
  };
  it('hands out no more than is held', () => {
    const { attempt } = setUp();
    expect(attempt(role('same', reading, 'd'))).toBe('allowed');
    expect(attempt(role('more', [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['secrets'] }], 'd'))).toBe(
      'roles.rbac.authorization.k8s.io "more" is forbidden: user "alice" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    );
    expect(attempt(role('elsewhere', reading, 'e'))).toMatch(/not currently held/);
  });
  it('is free to those who may escalate, and to what only the garbage collector changes', () => {
    const { c, attempt } = setUp();
    const more = role('more', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }], 'd');
    const old = { ...more, metadata: { ...more.metadata, finalizers: ['x.io/f'] } };
    expect(attempt(more, { operation: 'UPDATE', old })).toBe('allowed');
    c.put(role('boss', [{ verbs: ['escalate'], apiGroups: [RBAC], resources: ['roles'] }], 'd'));
    c.put(binding('boss', { kind: 'Role', name: 'boss' }, [user('alice')], 'd'));
    expect(attempt(more)).toBe('allowed');
  });
  it('checks what a binding points at', () => {
    const { c, attempt } = setUp();
    c.put(role('big', [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]));
    expect(attempt(binding('x', { kind: 'Role', name: 'reader' }, [user('bob')], 'd'))).toBe('allowed');
    expect(attempt(binding('y', { kind: 'ClusterRole', name: 'big' }, [user('bob')], 'd'))).toMatch(
      /not currently held/,
    );
    expect(attempt(binding('z', { kind: 'Role', name: 'none' }, [], 'd'))).toBe(
      'rolebindings.rbac.authorization.k8s.io "none" not found',
    );
    c.put(
      role(
        'binder',
        [{ verbs: ['bind'], apiGroups: [RBAC], resources: ['clusterroles'], resourceNames: ['big'] }],
        'd',
      ),
    );
    c.put(binding('binder', { kind: 'Role', name: 'binder' }, [user('alice')], 'd'));
    expect(attempt(binding('y', { kind: 'ClusterRole', name: 'big' }, [user('bob')], 'd'))).toBe('allowed');
  });
});

describe('reviews', () => {
  const review = (resource: string, spec: object, c = fakeCluster(), namespace = '') => {
    const make = createReviews(createAuthorizer(c)).get(resource)!;
    const request = { info: info({ resource, namespace }), user: alice } as unknown as ApiRequest;
    try {
      return make(request, { kind: 'X', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec }) as unknown;
    } catch (error) {
      return statusOf(error)?.message;
    }
  };
  it('answer for someone else, for oneself, and list rules', () => {
    const c = fakeCluster();
    grant(c);
    const attributes = { namespace: 'd', verb: 'list', resource: 'configmaps' };
    const reason = 'RBAC: allowed by RoleBinding "b/d" of Role "reader" to User "alice"';
    expect(review('subjectaccessreviews', { user: 'alice', resourceAttributes: attributes }, c)).toMatchObject({
      status: { allowed: true, reason },
    });
    expect(
      review('selfsubjectaccessreviews', { resourceAttributes: { ...attributes, verb: 'delete' } }, c),
    ).toMatchObject({ status: { allowed: false } });
    expect(review('selfsubjectrulesreviews', { namespace: 'd' }, c)).toMatchObject({
      status: { resourceRules: [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['configmaps'] }], nonResourceRules: [], incomplete: false },
    }); // prettier-ignore
  });
  it.each([
    ['subjectaccessreviews', { user: 'u', resourceAttributes: { verb: 'get' }, nonResourceAttributes: { path: '/' } }, '.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"Path":"/","Verb":""}: cannot be specified in combination with resourceAttributes'],
    ['subjectaccessreviews', {}, '.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]'],
    ['selfsubjectrulesreviews', {}, 'no namespace on request'],
  ])('refuse %s %j', (resource, spec, message) => {
    expect(review(resource, spec)).toBe(message);
  }); // prettier-ignore
  it('keep to the namespace they were sent to', () => {
    const spec = { user: 'alice', resourceAttributes: { namespace: 'default', verb: 'get', resource: 'configmaps' } };
    expect(review('localsubjectaccessreviews', spec, fakeCluster(), 'd')).toBe(
      '.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
    );
  });
});
