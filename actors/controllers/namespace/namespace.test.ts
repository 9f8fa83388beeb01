import { describe, expect, it } from 'vitest';
import type { ConfigMap, Namespace, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { configMaps, namespaces, pods, secrets, serviceAccounts } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startRootCaCertPublisher } from '../root-ca-cert-publisher/actor.ts';
import { startServiceAccountController } from '../serviceaccount/actor.ts';
import { startNamespaceController } from './actor.ts';

const object = (kind: string, name: string, extra: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: kind === 'Namespace' ? undefined : 'team' },
  ...extra,
});

function setUp() {
  const c = testCluster();
  c.start(startNamespaceController, startServiceAccountController, (deps) => startRootCaCertPublisher(deps, 'PEM'));
  return c;
}
const apiServices = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const conditions = (n: Namespace | undefined): Record<string, string> =>
  Object.fromEntries(n?.status?.conditions?.map((x) => [x.type, `${x.status} ${x.reason}: ${x.message}`]) ?? []);

describe('a new namespace', () => {
  it('gets its default account and the CA, and gets them again', async () => {
    const { client, api, quiet } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    await quiet();
    expect(api.object<ServiceAccount>(serviceAccounts, 'team/default')).toBeDefined();
    expect(api.object<ConfigMap>(configMaps, 'team/kube-root-ca.crt')?.data).toEqual({ 'ca.crt': 'PEM' });
    await client.delete(serviceAccounts, 'default', 'team');
    await client.patch(configMaps, 'kube-root-ca.crt', 'team', 'merge', { data: { 'ca.crt': 'forged', more: 'x' } });
    await quiet();
    expect(api.object<ServiceAccount>(serviceAccounts, 'team/default')).toBeDefined();
    expect(api.object<ConfigMap>(configMaps, 'team/kube-root-ca.crt')?.data).toEqual({ 'ca.crt': 'PEM' });
  });
});

describe('a deleted namespace', () => {
  it('is emptied and gone, with all kinds in it', async () => {
    const { client, api, quiet, list } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    for (const name of ['a', 'b', 'c']) await client.create(secrets, object('Secret', name));
    await client.create(pods, object('Pod', 'p'));
    await quiet();
    await client.delete(namespaces, 'team');
    await quiet();
    expect(api.object(namespaces, 'team')).toBeUndefined();
    expect([...list(secrets), ...list(pods), ...list(configMaps), ...list(serviceAccounts)]).toEqual([]);
  });
  it('waits for its pods before it takes away what they use', async () => {
    const { client, api, world, quiet, list } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    await client.create(secrets, object('Secret', 's'));
    await client.create(pods, object('Pod', 'p', { spec: { nodeName: 'n', terminationGracePeriodSeconds: 30 } }));
    await client.delete(namespaces, 'team');
    await quiet();
    expect(list(secrets)).toHaveLength(1);
    expect(conditions(api.object(namespaces, 'team'))).toMatchObject({
      NamespaceContentRemaining:
        'True SomeResourcesRemain: Some resources are remaining: pods. has 1 resource instances',
      NamespaceDeletionContentFailure: 'False ContentDeleted: All content successfully deleted, may be waiting on finalization', // prettier-ignore
    });
    const before = world.clock.now();
    await client.delete(pods, 'p', 'team', { gracePeriodSeconds: 0 });
    await world.until(() => api.object(namespaces, 'team') === undefined);
    expect(world.clock.now() - before).toBeLessThan(100);
  });
  it('says which finalizers hold it', async () => {
    const { client, api, world } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    const held = object('ConfigMap', 'held');
    held.metadata.finalizers = ['example.com/hold'];
    await client.create(configMaps, held);
    await client.delete(namespaces, 'team');
    await world.advance(3_000);
    expect(conditions(api.object(namespaces, 'team'))['NamespaceFinalizersRemaining']).toBe(
      'True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    );
    await client.patch(configMaps, 'held', 'team', 'merge', { metadata: { finalizers: null } });
    await world.until(() => api.object(namespaces, 'team') === undefined, 10_000);
  });
  it('says what fails, and goes on when it no longer does', async () => {
    const { client, api, world } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    await client.create(secrets, object('Secret', 's'));
    api.intercept = ({ verb, resource }) => {
      if (verb === 'deletecollection' && resource === 'secrets') throw new ApiError('InternalError', 'disk on fire');
    };
    await client.delete(namespaces, 'team');
    await world.advance(2_000);
    expect(conditions(api.object(namespaces, 'team'))['NamespaceDeletionContentFailure']).toContain('1 remaining: disk on fire'); // prettier-ignore
    api.intercept = undefined;
    await world.until(() => api.object(namespaces, 'team') === undefined, 10_000);
  });
  it('waits for API servers that do not say what they serve', async () => {
    const { client, api, world } = setUp();
    const spec = { group: 'ext.example.com', version: 'v1', service: { namespace: 'x', name: 'y' } };
    const name = 'v1.ext.example.com';
    await client.create(apiServices, { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name }, spec } as KubeObject); // prettier-ignore
    await client.create(namespaces, object('Namespace', 'team'));
    await client.create(secrets, object('Secret', 's'));
    await client.delete(namespaces, 'team');
    await world.advance(2_000);
    expect(api.object(secrets, 'team/s')).toBeUndefined();
    expect(conditions(api.object(namespaces, 'team'))['NamespaceDeletionDiscoveryFailure']).toBe(
      'True DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: ext.example.com/v1: stale GroupVersion discovery: ext.example.com/v1',
    );
    await client.delete(apiServices, name);
    await world.until(() => api.object(namespaces, 'team') === undefined, 10_000);
  });
  it('is looked at ever more seldom, and only where something is left', async () => {
    const { client, api, world } = setUp();
    await client.create(namespaces, object('Namespace', 'team'));
    await client.create(secrets, { ...object('Secret', 's'), metadata: { ...object('Secret', 's').metadata, finalizers: ['example.com/never'] } }); // prettier-ignore
    await client.delete(namespaces, 'team');
    await world.advance(60_000);
    const before = api.calls.length;
    await world.advance(80_000);
    // Ten looks of three calls.
    const calls = api.calls.slice(before);
    expect(new Set(calls.map(({ resource }) => resource))).toEqual(new Set(['secrets']));
    expect(calls.length).toBeLessThanOrEqual(33);
    await client.patch(secrets, 's', 'team', 'merge', { metadata: { finalizers: null } });
    await world.until(() => api.object(namespaces, 'team') === undefined, 10_000);
  });
});
