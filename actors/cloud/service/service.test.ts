import { describe, expect, it } from 'vitest';
import type { Node, Service } from '../../../schemas/generated/core-v1.ts';
import { nodes, services } from '../../runtime/resources.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { ImplementedElsewhere, RetryLater } from '../provider.ts';
import { cloudCluster, told } from '../testing/fake-cloud.ts';
import { startService } from './actor.ts';
import { FINALIZER, hostsOf, isBehind, isIncluded, isNodeNews, namesOf, needsCleanup, needsUpdate, sameHosts, wantsLoadBalancer } from './reconcile.ts'; // prettier-ignore

type Cluster = ReturnType<typeof cloudCluster>;
type Spec = NonNullable<Service['spec']>;
const service = (spec: Partial<Spec> = {}, metadata: Partial<Service['metadata']> = {}, name = 'web'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'd', uid: 'u', ...metadata },
  spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30_000 }], ...spec },
});
const deleting = { finalizers: [FINALIZER], deletionTimestamp: '2026-01-01T00:00:00Z' };

describe('who wants a load balancer', () => {
  it.each([
    ['LoadBalancer', {}, true],
    ['LoadBalancer', { loadBalancerClass: 'acme.com/lb' }, false],
    ['NodePort', {}, false],
    ['ClusterIP', {}, false],
  ] as const)('%s %j: %s', (type, more, wants) => {
    expect(wantsLoadBalancer(service({ type, ...more }))).toBe(wants);
  });
  it.each([
    ['nothing was made', {}, {}, false],
    ['it is in use', {}, { finalizers: [FINALIZER] }, false],
    ['it is being deleted', {}, deleting, true],
    ['it is being deleted without our finalizer', {}, { ...deleting, finalizers: ['other'] }, false],
    ['it is of another type by now', { type: 'ClusterIP' }, { finalizers: [FINALIZER] }, true],
    ['it has a class by now', { loadBalancerClass: 'x/y' }, { finalizers: [FINALIZER] }, false],
  ] as const)('cleaning up when %s', (_, spec, metadata, needs) => {
    expect(needsCleanup(service(spec, metadata as never))).toBe(needs);
  });
});
describe('a change of a Service concerns its load balancer', () => {
  const port = service().spec!.ports![0]!;
  it.each([
    ['nothing', {}, {}, false],
    ['its labels', {}, { labels: { a: 'b' } }, false],
    ['its selector', { selector: { a: 'b' } }, {}, false],
    ['its cluster address', { clusterIP: '10.0.0.1' }, {}, false],
    ['its type', { type: 'ClusterIP' }, {}, true],
    ['its class', { loadBalancerClass: 'a/b' }, {}, true],
    ['source ranges', { loadBalancerSourceRanges: ['10.0.0.0/8'] }, {}, true],
    ['affinity', { sessionAffinity: 'ClientIP' }, {}, true],
    ['affinity’s time', { sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, {}, true],
    ['its wished address', { loadBalancerIP: '1.2.3.4' }, {}, true],
    ['external addresses', { externalIPs: ['1.2.3.4'] }, {}, true],
    ['annotations', {}, { annotations: { a: 'b' } }, true],
    ['another of its name', {}, { uid: 'v' }, true],
    ['traffic policy', { externalTrafficPolicy: 'Local' }, {}, true],
    ['health port', { healthCheckNodePort: 31_000 }, {}, true],
    ['families', { ipFamilies: ['IPv4', 'IPv6'] }, {}, true],
    ['a port’s name', { ports: [{ ...port, name: 'x' }] }, {}, true],
    ['a port’s number', { ports: [{ ...port, port: 81 }] }, {}, true],
    ['a port’s protocol', { ports: [{ ...port, protocol: 'UDP' }] }, {}, true],
    ['a port’s target', { ports: [{ ...port, targetPort: 'x' }] }, {}, true],
    ['a port’s node port', { ports: [{ ...port, nodePort: 0 }] }, {}, true],
    ['a port’s application protocol', { ports: [{ ...port, appProtocol: 'h2c' }] }, {}, true],
    ['a port more', { ports: [port, { ...port, name: 'b', port: 81 }] }, {}, true],
  ] as [string, Partial<Spec>, Partial<Service['metadata']>, boolean][])('%s: %s', (_, spec, metadata, isNews) => {
    expect(needsUpdate(service(), service(spec, metadata))).toBe(isNews);
  }); // prettier-ignore
  it('of another type only when it becomes one', () => {
    const plain = service({ type: 'NodePort' });
    expect(needsUpdate(plain, service({ type: 'NodePort', sessionAffinity: 'ClientIP' }))).toBe(false);
    expect(needsUpdate(plain, service())).toBe(true);
  });
});
const LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';
const node = (name: string, more: { labels?: Record<string, string>; providerID?: string; taints?: string[]; gone?: boolean } = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, ...(more.labels && { labels: more.labels }), ...(more.gone && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
  spec: { ...(more.providerID && { providerID: more.providerID }), taints: (more.taints ?? []).map((key) => ({ key, effect: 'NoSchedule' })) },
}); // prettier-ignore
describe('nodes behind load balancers', () => {
  it.each([
    [undefined, true], ['', false], ['true', false], ['1', false], ['yes', false], ['false', true], ['0', true], ['F', true], ['no', false],
  ])('label %s: %s', (value, is) => {
    expect(isIncluded(node('n', value === undefined ? {} : { labels: { [LABEL]: value } }))).toBe(is);
  }); // prettier-ignore
  it('are those that stay', () => {
    const all = [node('a'), node('b', { gone: true }), node('c', { taints: ['ToBeDeletedByClusterAutoscaler'] }), node('d', { taints: ['x'] }), node('e', { labels: { [LABEL]: '' } })]; // prettier-ignore
    expect(all.filter(isBehind).map(({ metadata }) => metadata.name)).toEqual(['a', 'd']);
  });
  it.each([
    [node('a'), undefined, true],
    [node('a'), node('a'), false],
    [node('a', { taints: ['ToBeDeletedByClusterAutoscaler'] }), node('a'), false],
    [node('a', { labels: { [LABEL]: '' } }), node('a'), true],
    [node('a', { providerID: 'x' }), node('a'), true],
  ])('change: %#', (now, old, isNews) => expect(isNodeNews(now, old)).toBe(isNews));
  it('are the same by name and ID', () => {
    const of = (...all: Node[]) => hostsOf(all);
    expect(sameHosts(of(node('a'), node('b')), of(node('b'), node('a')))).toBe(true);
    expect(sameHosts(of(node('a')), of(node('a', { providerID: 'x' })))).toBe(false);
    expect(sameHosts(of(node('a')), of(node('b')))).toBe(false);
  });
  it('are told of, twenty at most', () => {
    const many = Array.from({ length: 23 }, (_, i) => node(`n${String(i).padStart(2, '0')}`));
    expect(namesOf(many.slice(0, 2).toReversed())).toBe('[n00 n01]');
    expect(namesOf(many)).toMatch(/^\[n00 .* n19 <3 more>\]$/);
  });
});

const start = (c: Cluster, more: object = {}) => c.start(() => startService({ ...c.cloudDeps, ...more }, c.cloud.loadBalancers)); // prettier-ignore
const get = (c: Cluster, name = 'web') => c.api.object<Service>(services, `d/${name}`);
const ipOf = (c: Cluster, name?: string) => get(c, name)?.status?.loadBalancer?.ingress?.[0]?.ip;
const change = (c: Cluster, spec: object, name = 'web') => c.client.patch(services, name, 'd', 'merge', { spec });
const ENSURED = ['EnsuringLoadBalancer: Ensuring load balancer', 'EnsuredLoadBalancer: Ensured load balancer'];
const DELETED = ['DeletingLoadBalancer: Deleting load balancer', 'DeletedLoadBalancer: Deleted load balancer'];

describe('the controller', () => {
  async function setUp(spec: Partial<Spec> = {}): Promise<Cluster> {
    const c = cloudCluster();
    await c.client.create(nodes, node('n1'));
    start(c);
    await c.client.create(services, service(spec));
    await c.quiet();
    return c;
  }
  it('gives a Service its load balancer, and holds it by a finalizer until that is gone', async () => {
    const c = await setUp();
    expect([ipOf(c), get(c)?.metadata.finalizers, c.cloud.calls]).toEqual(['192.0.2.1', [FINALIZER], ['ensure d/web n1']]); // prettier-ignore
    expect(told(c)).toEqual(ENSURED);
    await c.client.delete(services, 'web', 'd');
    await c.quiet();
    expect([get(c), c.cloud.balancers.size]).toEqual([undefined, 0]);
    expect(told(c)).toEqual([...ENSURED, ...DELETED]);
  });
  it('takes it back when the Service is of another type', async () => {
    const c = await setUp();
    await change(c, { type: 'ClusterIP' });
    await c.quiet();
    expect([ipOf(c), get(c)?.metadata.finalizers ?? [], c.cloud.balancers.size]).toEqual([undefined, [], 0]);
    await change(c, { type: 'LoadBalancer' });
    await c.quiet();
    expect(ipOf(c)).toBe('192.0.2.2');
  });
  it('leaves a Service of another class alone', async () => {
    const c = await setUp({ loadBalancerClass: 'acme.com/lb' });
    expect([c.cloud.calls, get(c)?.metadata.finalizers]).toEqual([[], undefined]);
  });
  it('keeps finalizers of others', async () => {
    const c = cloudCluster();
    start(c);
    await c.client.create(services, service({}, { finalizers: ['mine/first'] }));
    await c.quiet();
    expect(get(c)?.metadata.finalizers).toEqual(['mine/first', FINALIZER]);
    await c.client.delete(services, 'web', 'd');
    await c.quiet();
    expect([get(c)?.metadata.finalizers, c.cloud.balancers.size]).toEqual([['mine/first'], 0]);
  });
  it('tells of nodes that come and go, and of none', async () => {
    const c = await setUp();
    await c.client.create(nodes, node('n2'));
    await c.quiet();
    expect(c.cloud.calls.slice(1)).toEqual(['update d/web n1,n2']);
    await c.client.patch(nodes, 'n2', undefined, 'merge', { metadata: { labels: { [LABEL]: 'true' } } });
    await c.quiet();
    // A heartbeat is no news.
    await c.client.patch(nodes, 'n1', undefined, 'merge', { metadata: { annotations: { a: 'b' } } });
    await c.quiet();
    await c.client.delete(nodes, 'n1');
    await c.quiet();
    expect(c.cloud.calls.slice(2)).toEqual(['update d/web n1', 'update d/web ']);
    expect(told(c).slice(2)).toEqual([
      'UpdatedLoadBalancer: Updated load balancer with new hosts',
      'UnAvailableLoadBalancer: There are no available nodes for LoadBalancer',
    ]);
  });
  it('tells of nodes that could not be put behind it, and makes it anew', async () => {
    const c = await setUp();
    c.cloud.intercept = (method) => {
      if (method === 'update') throw new Error('no');
    };
    await c.client.create(nodes, node('n2'));
    await c.quiet();
    expect(told(c)).toContain('UpdateLoadBalancerFailed: Error updating load balancer with new hosts [n1 n2] [node names limited, total number of nodes: 2], error: no'); // prettier-ignore
    expect(c.cloud.calls.at(-1)).toBe('ensure d/web n1,n2');
  });
  it('tells why there is none, and tries again after 5, 10, 20 seconds', async () => {
    const c = cloudCluster();
    await c.client.create(nodes, node('n1'));
    c.cloud.intercept = (method) => {
      if (method === 'ensure') throw new Error('quota exceeded');
    };
    start(c);
    await c.client.create(services, service());
    const ensures = () => c.cloud.calls.filter((call) => call.startsWith('ensure')).length;
    await c.quiet();
    expect(told(c)).toEqual([ENSURED[0], 'SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: quota exceeded']); // prettier-ignore
    const seen: number[] = [];
    for (const ms of [4_900, 200, 9_700, 200, 19_700, 400]) {
      await c.world.advance(ms);
      seen.push(ensures());
    }
    expect(seen).toEqual([1, 2, 2, 3, 3, 4]);
    c.cloud.intercept = undefined;
    await c.world.advance(45_000);
    expect(ipOf(c)).toBe('192.0.2.1');
  });
  it('asks a cloud that is not done yet again when it says', async () => {
    const c = cloudCluster();
    let n = 0;
    c.cloud.intercept = (method) => {
      if (method === 'ensure' && n++ < 6) throw new RetryLater('being made', 1_000);
    };
    start(c);
    await c.client.create(services, service());
    await c.world.advance(6_500);
    expect(ipOf(c)).toBe('192.0.2.1');
  });
  it('is content with what somebody else does', async () => {
    const c = cloudCluster();
    c.cloud.intercept = (method) => {
      if (method === 'ensure' || method === 'remove') throw new ImplementedElsewhere();
    };
    start(c);
    await c.client.create(services, service());
    await c.world.advance(60_000);
    expect([c.cloud.calls, told(c).includes('SyncLoadBalancerFailed')]).toEqual([['ensure d/web '], false]);
    c.cloud.balancers.set(get(c)!.metadata.uid!, 'x');
    await c.client.delete(services, 'web', 'd');
    await c.quiet();
    expect(get(c)).toBeUndefined();
  });
  it.each([
    ['nothing', undefined, 'service status returned by EnsureLoadBalancer is nil'],
    ['an address that is none', { ingress: [{ ip: 'mars' }] }, 'failed to update load balancer status: no'],
  ])('does not believe a cloud that answers with %s', async (_, status, message) => {
    const c = cloudCluster();
    c.cloud.lie = { status };
    c.api.intercept = ({ object, resource }) => {
      if (resource === 'services/status' && JSON.stringify(object).includes('mars')) throw new Error('no');
    };
    start(c);
    await c.client.create(services, service());
    await c.quiet();
    expect(told(c)).toContain(`SyncLoadBalancerFailed: Error syncing load balancer: ${message}`);
    c.cloud.lie = undefined;
    await c.world.advance(5_000);
    expect(ipOf(c)).toBe('192.0.2.1');
  });
  it('does not wait for ever, and not with others, for a cloud that hangs', async () => {
    const c = cloudCluster();
    c.cloud.intercept = (_, about) => (about.startsWith('d/web') ? new Promise<void>(() => undefined) : undefined);
    start(c);
    await c.client.create(services, service());
    await c.client.create(services, service({}, {}, 'api'));
    await c.world.advance(10_000);
    expect([ipOf(c), ipOf(c, 'api')]).toEqual([undefined, '192.0.2.1']);
    await c.world.advance(55_000);
    expect(told(c)).toContain('SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: the cloud did not answer within 60s: load balancer of d/web'); // prettier-ignore
    c.cloud.intercept = undefined;
    await c.world.advance(70_000);
    expect(ipOf(c)).toBeDefined();
  });
  it.each([['get', 'failed to check if load balancer exists before cleanup: no'], ['remove', 'failed to delete load balancer: no']])('keeps a Service whose load balancer cannot be taken back (%s)', async (fails, message) => {
    const c = await setUp();
    c.cloud.intercept = (method) => {
      if (method === fails) throw new Error('no');
    };
    await c.client.delete(services, 'web', 'd');
    await c.world.advance(60_000);
    expect(get(c)?.metadata.finalizers).toEqual([FINALIZER]);
    expect(told(c)).toContain(`SyncLoadBalancerFailed: Error syncing load balancer: ${message}`);
    c.cloud.intercept = undefined;
    await c.world.advance(90_000);
    expect([get(c), c.cloud.balancers.size]).toEqual([undefined, 0]);
  }); // prettier-ignore
  it('takes back what a Service had that went without our finalizer, also where another has its name', async () => {
    const c = await setUp();
    const strip = (): Promise<unknown> => c.client.patch(services, 'web', 'd', 'merge', { metadata: { finalizers: null } }); // prettier-ignore
    await strip();
    await c.client.delete(services, 'web', 'd');
    await c.quiet();
    expect([c.cloud.balancers.size, told(c)]).toEqual([0, [...ENSURED, ...DELETED]]);
    await c.client.create(services, service());
    await c.quiet();
    await strip();
    await c.client.delete(services, 'web', 'd');
    await c.client.create(services, service());
    await c.quiet();
    expect([...c.cloud.balancers.keys()]).toEqual([get(c)!.metadata.uid]);
  });
  it('goes on where a predecessor stopped', async () => {
    const c = await setUp();
    const [next] = start(c, { active: false });
    // It crashed between the finalizer and the removal.
    c.cloud.intercept = (method) => {
      if (method === 'remove') throw new Error('crash');
    };
    await c.client.delete(services, 'web', 'd');
    await c.quiet();
    c.cloud.intercept = undefined;
    next!.activate();
    await c.quiet();
    expect([get(c), c.cloud.balancers.size]).toEqual([undefined, 0]);
  });
  it('counts', async () => {
    const c = cloudCluster();
    const metrics = createRegistry();
    start(c, { metrics });
    await c.client.create(services, service());
    await c.quiet();
    await c.client.create(nodes, node('n1'));
    await c.quiet();
    const lines = metrics.families().flatMap((family) => family.lines);
    expect(lines).toContain('service_controller_loadbalancer_sync_total 2');
    expect(lines).toContain('service_controller_update_loadbalancer_host_latency_seconds_count 1');
  });
  it.each([1, 2, 3, 4, 5, 6])(
    'ends with a load balancer for whoever wants one, and no other, after a bad day (seed %s)',
    async (seed) => {
      const c = cloudCluster(seed);
      c.cloud.intercept = (): void => {
        if (c.world.random() < 0.25) throw new Error('a bad day');
      };
      await c.client.create(nodes, node('n1'));
      const add =
        (name: string, spec: Partial<Spec> = {}) =>
        () =>
          c.client.create(services, service(spec, {}, name));
      await badDay(c, start(c), [
      add('a'), add('b'), add('c', { type: 'ClusterIP' }), add('e'),
      () => change(c, { type: 'NodePort' }, 'a'),
      () => change(c, { type: 'LoadBalancer' }, 'c'),
      () => c.client.delete(services, 'b', 'd'),
      () => c.client.create(nodes, node('n2')),
      () => change(c, { sessionAffinity: 'ClientIP' }, 'e'),
    ]); // prettier-ignore
      c.cloud.intercept = undefined;
      await c.world.advance(700_000);
      const left = c.list<Service>(services, 'd');
      expect(left.map(({ metadata }) => [metadata.name, metadata.finalizers ?? []])).toEqual([['a', []], ['c', [FINALIZER]], ['e', [FINALIZER]]]); // prettier-ignore
      expect(left.map(({ metadata }) => ipOf(c, metadata.name))).toEqual([undefined, ...[1, 2].map((i) => c.cloud.balancers.get(left[i]!.metadata.uid!))]); // prettier-ignore
      expect(c.cloud.balancers.size).toBe(2);
    },
  );
});
