import { describe, expect, it } from 'vitest';
import type { Endpoints } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../../schemas/generated/rbac-v1.ts';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { ensureAll } from './ensure.ts';
import { firstAddress, startBootstrap, type Bootstrap } from './index.ts';
import { widerBinding, widerRole } from './rbac.ts';
import { keepServiceCidr } from './service-cidr.ts';

const start = (c: FakeCluster, port = 6443): Bootstrap =>
  startBootstrap({
    ...c,
    serviceCidrs: ['10.96.0.0/16'],
    hostname: 'host',
    advertiseAddress: '192.0.2.1',
    port,
    clientCa: 'PEM',
  });
const count = (c: FakeCluster, group: string, resource: string): number =>
  [...c.cache.list(c.resource(group, resource))].length;
const get = (c: FakeCluster, group: string, resource: string, namespace: string, name: string) =>
  c.cache.get(c.resource(group, resource), namespace, name);

describe('the first start', () => {
  it('makes what a fresh API server makes', async () => {
    const c = fakeCluster();
    await start(c).ready;
    expect([...c.cache.list(c.resource('', 'namespaces'))].map((o) => o.metadata.name!).toSorted()).toEqual([
      'default', 'kube-node-lease', 'kube-public', 'kube-system',
    ]); // prettier-ignore
    const rbac = 'rbac.authorization.k8s.io';
    expect(
      ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map((resource) => count(c, rbac, resource)),
    ).toEqual([77, 58, 12, 13]);
    expect(get(c, '', 'services', 'default', 'kubernetes')).toMatchObject({
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443 }] },
    });
    expect(get(c, '', 'endpoints', 'default', 'kubernetes')).toMatchObject({
      subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'https', port: 6443 }] }],
    });
    expect(get(c, '', 'configmaps', 'kube-system', 'extension-apiserver-authentication')).toMatchObject({
      data: { 'client-ca-file': 'PEM\n' },
    });
    expect(count(c, 'coordination.k8s.io', 'leases')).toBe(1);
    await c.simulation.advance(1);
    expect(get(c, 'flowcontrol.apiserver.k8s.io', 'flowschemas', '', 'catch-all')).toMatchObject({
      status: { conditions: [{ type: 'Dangling', status: 'False', reason: 'Found' }] },
    });
    expect(get(c, 'apiregistration.k8s.io', 'apiservices', '', 'v1.apps')).toMatchObject({
      spec: { groupPriorityMinimum: 17800, versionPriority: 15 },
      status: { conditions: [{ type: 'Available', status: 'True', reason: 'Local' }] },
    });
  });
});

describe('the ServiceCIDR', () => {
  const own = (c: FakeCluster) => get(c, 'networking.k8s.io', 'servicecidrs', '', 'kubernetes');
  const ranges = ['10.96.0.0/16', 'fd00:10:96::/112'];
  it('is made and ready, gets its second range, and is made again', async () => {
    const c = fakeCluster();
    await keepServiceCidr(c, ranges.slice(0, 1));
    expect(own(c)).toMatchObject({
      spec: { cidrs: ['10.96.0.0/16'] },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    await keepServiceCidr(c, ranges);
    expect(own(c)).toMatchObject({ spec: { cidrs: ranges } });
    c.remove({ group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' }, '', 'kubernetes');
    await keepServiceCidr(c, ranges);
    c.writes.length = 0;
    await keepServiceCidr(c, ranges);
    expect([own(c)?.['spec'], c.writes]).toEqual([{ cidrs: ranges }, []]);
  });
  it('of another server is left as it is, and so is what somebody said of it', async () => {
    const c = fakeCluster();
    await keepServiceCidr(c, ranges);
    const status = { conditions: [{ type: 'Ready', status: 'False' }] };
    c.put({ ...own(c), status });
    await keepServiceCidr(c, ranges);
    await keepServiceCidr(c, ['10.1.0.0/16']);
    expect(own(c)).toMatchObject({ spec: { cidrs: ranges }, status });
  });
});

describe('later starts', () => {
  it('write nothing but their lease', async () => {
    const c = fakeCluster();
    await start(c).ready;
    await c.simulation.advance(1);
    c.writes.length = 0;
    await start(c).ready;
    await c.simulation.advance(1);
    expect(c.writes.filter((w) => !w.includes('leases'))).toEqual([]);
  });
  it('may be at once', async () => {
    const c = fakeCluster();
    await Promise.all([start(c, 6443).ready, start(c, 6444).ready]);
    expect(count(c, 'rbac.authorization.k8s.io', 'clusterroles')).toBe(77);
    expect(count(c, 'coordination.k8s.io', 'leases')).toBe(2);
  });
  it('take it that another made what is refused here because it was claimed', async () => {
    const c = fakeCluster();
    const services = c.resource('', 'services');
    const service = (name: string) => ({ kind: 'Service', apiVersion: 'v1', metadata: { name, namespace: 'default' } });
    const errors: string[] = [];
    const refused = {
      ...c,
      world: { ...c.world, log: { ...c.world.log, error: (message: string) => void errors.push(message) } },
      loopback: {
        ...c.loopback,
        create: () => Promise.reject(new ApiError('Invalid', 'provided IP is already allocated')),
      },
    };
    const made = ensureAll(refused, services, [service('kubernetes')]);
    const alone = ensureAll(refused, services, [service('other')]);
    await c.simulation.advance(120);
    c.put(service('kubernetes'));
    await c.simulation.advance(3_000);
    expect([await made, await alone]).toEqual([0, 0]);
    expect(errors).toEqual(['a bootstrap object was refused']);
  });
  it.each([
    ['does not answer once', 1, 1_000],
    ['is away for a minute', 60_000, 75_000],
  ])('are all made though the store %s', async (_, awayFor, afterMs) => {
    const c = fakeCluster();
    const began = c.world.clock.now();
    let failed = 0;
    const create = (...[resource, object]: Parameters<typeof c.loopback.create>): Promise<KubeObject> => {
      const isAway = object.metadata.name === 'system:basic-user' && c.world.clock.now() < began + awayFor;
      if (!isAway) return c.loopback.create(resource, object);
      failed++;
      return Promise.reject(new ApiError('Timeout', 'no answer from the store'));
    };
    const server = start({ ...c, loopback: { ...c.loopback, create } as typeof c.loopback });
    let isAnswered = false;
    void server.ready.then(() => (isAnswered = true));
    await c.simulation.advance(Math.min(afterMs, 31_000));
    // Others are answered without it, at last.
    expect(isAnswered).toBe(true);
    await c.simulation.advance(afterMs);
    expect(failed).toBeGreaterThan(0);
    expect(get(c, 'rbac.authorization.k8s.io', 'clusterroles', '', 'system:basic-user')).toHaveProperty(
      'rules.0.verbs',
      ['create'],
    );
    expect(get(c, '', 'endpoints', 'default', 'kubernetes')).toHaveProperty('subsets.0.addresses.0.ip', '192.0.2.1');
    expect(count(c, 'apiregistration.k8s.io', 'apiservices')).toBeGreaterThan(10);
    const stopping = server.stop();
    await c.simulation.advance(2_000);
    await stopping;
  });
  it('put back what was removed or narrowed, and leave what was added', async () => {
    const c = fakeCluster();
    await start(c).ready;
    const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' };
    c.remove({ ...rbac, resource: 'clusterroles' }, '', 'view');
    const discovery = get(c, rbac.group, 'clusterroles', '', 'system:discovery') as unknown as ClusterRole;
    const own = { verbs: ['get'], nonResourceURLs: ['/mine'] };
    c.put({ ...discovery, rules: [own] });
    await start(c).ready;
    expect(get(c, rbac.group, 'clusterroles', '', 'view')).toBeDefined();
    const after = get(c, rbac.group, 'clusterroles', '', 'system:discovery') as unknown as ClusterRole;
    expect(after.rules).toEqual([own, ...discovery.rules!]);
  });
});

describe('a server', () => {
  const ports = (c: FakeCluster) =>
    (get(c, '', 'endpoints', 'default', 'kubernetes') as unknown as Endpoints).subsets
      ?.flatMap((s) => s.ports!.map((p) => p.port))
      .sort();
  it('stands behind the service while it renews its lease, and leaves it when it stops', async () => {
    const c = fakeCluster();
    const [one, two] = [start(c, 6443), start(c, 6444)];
    await Promise.all([one.ready, two.ready]);
    await c.simulation.advance(11_000);
    expect(ports(c)).toEqual([6443, 6444]);
    const stopping = two.stop();
    await c.simulation.advance(100);
    await stopping;
    expect(ports(c)).toEqual([6443]);
    expect(count(c, 'coordination.k8s.io', 'leases')).toBe(1);
  });
  it('removes leases of servers that ended without a word', async () => {
    const c = fakeCluster();
    await start(c, 6444).ready;
    const [old] = [...c.cache.list(c.resource('coordination.k8s.io', 'leases'))];
    c.put({ ...old!, metadata: { ...old!.metadata, name: 'apiserver-gone' } });
    expect(count(c, 'coordination.k8s.io', 'leases')).toBe(2);
    await c.simulation.advance(3_620_000);
    expect(count(c, 'coordination.k8s.io', 'leases')).toBe(1);
  });
  it('puts system namespaces and its service back', async () => {
    const c = fakeCluster();
    await start(c).ready;
    c.remove({ group: '', version: 'v1', resource: 'namespaces' }, '', 'kube-public');
    await c.simulation.advance(11_000);
    expect(get(c, '', 'namespaces', '', 'kube-public')).toBeDefined();
    c.remove({ group: '', version: 'v1', resource: 'services' }, 'default', 'kubernetes');
    await c.simulation.advance(11_000);
    expect(get(c, '', 'services', 'default', 'kubernetes')).toBeDefined();
  });
  it('says of a flow schema whether its level exists', async () => {
    const c = fakeCluster();
    await start(c).ready;
    const group = 'flowcontrol.apiserver.k8s.io';
    c.put({
      kind: 'FlowSchema',
      apiVersion: `${group}/v1`,
      metadata: { name: 'x' },
      spec: { priorityLevelConfiguration: { name: 'later' } },
    });
    await c.simulation.advance(1);
    const dangling = () =>
      (get(c, group, 'flowschemas', '', 'x')!['status'] as { conditions: { status: string }[] }).conditions[0]!.status;
    expect(dangling()).toBe('True');
    c.put({
      kind: 'PriorityLevelConfiguration',
      apiVersion: `${group}/v1`,
      metadata: { name: 'later' },
      spec: { type: 'Exempt' },
    });
    await c.simulation.advance(1);
    expect(dangling()).toBe('False');
  });
});

describe('reconciling roles', () => {
  const meta = {
    name: 'x',
    labels: { a: '1' },
    annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
  };
  const role = (rules: ClusterRole['rules'], annotations = meta.annotations): ClusterRole => ({
    kind: 'ClusterRole',
    apiVersion: 'rbac.authorization.k8s.io/v1',
    metadata: { ...meta, annotations },
    rules,
  });
  const get = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
  it('leaves what covers the wanted rules, and what is told to be left', () => {
    expect(widerRole(role([{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }]), role([get]))).toBeUndefined();
    const frozen = role([], { 'rbac.authorization.kubernetes.io/autoupdate': 'false' });
    expect(widerRole(frozen, role([get]))).toBeUndefined();
    expect(widerRole(role([]), role([get]))?.rules).toEqual([get]);
  });
  it('adds subjects, takes none away', () => {
    const binding = (...names: string[]): ClusterRoleBinding => ({
      kind: 'ClusterRoleBinding',
      apiVersion: 'rbac.authorization.k8s.io/v1',
      metadata: meta,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'x' },
      subjects: names.map((name) => ({ kind: 'User', name })),
    });
    expect(widerBinding(binding('a', 'b'), binding('a'))).toBeUndefined();
    expect(widerBinding(binding('b'), binding('a'))?.subjects?.map((s) => s.name)).toEqual(['b', 'a']);
  });
});

it.each([
  ['10.96.0.0/16', '10.96.0.1'],
  ['192.168.0.0/24', '192.168.0.1'],
  ['fd00::/108', 'fd00::1'],
])('the first address of %s is %s', (cidr, address) => {
  expect(firstAddress(cidr)).toBe(address);
});
