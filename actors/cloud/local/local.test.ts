import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConfigMap, Node, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { configMaps } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { PROVIDED_IP } from '../node/addresses.ts';
import { ZONE } from '../node/labels.ts';
import { createChooser } from './affinity.ts';
import { refusalOf } from './balancer.ts';
import { backendsOf, type Backend } from './endpoints.ts';
import { INSTANCE, localInstances, zoneOf } from './instances.ts';
import { createPool, defaultRange, readRanges } from './pool.ts';
import { localRoutes, TABLE } from './routes.ts';
import { admits, plain } from './sources.ts';

describe('ranges of addresses', () => {
  it('are another for each port of a cluster', () => {
    expect([6443, 6444, 21_800, 65_535].map(defaultRange)).toEqual(['127.25.43.0/24', '127.25.44.0/24', '127.85.40.0/24', '127.255.255.0/24']); // prettier-ignore
  });
  it.each([
    [['10.0.0.0/24'], 'is not on this machine alone'],
    [['127.0.0.1'], 'is no range of addresses'],
    [['2001:db8::/64'], "is not of one's own"],
    [['127.1.0.0/24', '127.2.0.0/24'], 'one of IPv4 and one of IPv6'],
  ])('that cannot be: %j', (ranges, message) => expect(() => readRanges(ranges)).toThrow(message));
  it.each<[string, string | undefined]>([
    ['10.90.0.0/24', undefined],
    ['172.31.255.0/24', undefined],
    ['192.168.1.240/28', undefined],
    ['127.9.0.0/24', undefined],
    ['fd6b:7562:7573::a5a:0/120', undefined],
    ['10.0.0.0/7', "may be somebody else's"],
    ['172.32.0.0/24', "may be somebody else's"],
    ['8.8.8.0/24', "may be somebody else's"],
    ['2001:db8::/64', "is not of one's own"],
  ])('that this machine is made to have: %s', (range, refusal) => {
    const read = () => readRanges([range], true);
    if (refusal === undefined) expect(read()).toHaveLength(1);
    else expect(read).toThrow(refusal);
  });
  it.each([
    ['127.9.9.0/30', ['127.9.9.1', '127.9.9.2']],
    ['127.9.9.4/31', ['127.9.9.4', '127.9.9.5']],
    ['127.9.9.4/32', ['127.9.9.4']],
    ['127.0.0.0/30', ['127.0.0.2']],
    ['fd00::/127', ['fd00::', 'fd00::1']],
  ])('%s has %j', (range, ips) => {
    const pool = createPool([range]);
    const family = range.includes(':') ? 6 : 4;
    const taken = Array.from({ length: 4 }, (_, i) => pool.take(`u${i}`, family));
    expect(taken.flatMap((one) => ('ip' in one ? one.ip : []))).toEqual(ips);
    expect(taken.at(-1)).toMatchObject({ refusal: expect.stringMatching(/^all \d addresses of .* are taken/) });
  });
  it('give the address that is asked for, or say why not', () => {
    const pool = createPool(['127.9.9.0/29']);
    expect(pool.take('a', 4, '127.9.9.5')).toEqual({ ip: '127.9.9.5' });
    expect(pool.take('a', 4)).toEqual({ ip: '127.9.9.5' });
    expect(pool.take('b', 4, '127.9.9.5')).toMatchObject({ refusal: expect.stringContaining('belongs to another Service') }); // prettier-ignore
    expect(pool.take('b', 4, '10.0.0.1')).toMatchObject({ refusal: expect.stringContaining('not an address of 127.9.9.0/29') }); // prettier-ignore
    expect(pool.take('b', 4, 'mars')).toMatchObject({ refusal: expect.stringContaining('not an address') });
    expect(pool.take('a', 4, '127.9.9.6')).toEqual({ ip: '127.9.9.6' });
    expect(pool.take('b', 4, '127.9.9.5')).toEqual({ ip: '127.9.9.5' });
    expect(pool.take('c', 6)).toEqual({ refusal: '127.9.9.0/29 has no address of IPv6' });
  });
  it('give no address to two', () => {
    const step = fc.tuple(fc.constantFrom('take', 'free', 'hold'), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })); // prettier-ignore
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pool = createPool(['127.9.9.0/29']);
        const model = new Map<string, string>();
        for (const [what, who, n] of steps) {
          const [owner, ip] = [`u${who}`, `127.9.9.${n}`];
          if (what === 'free') {
            pool.free(owner);
            for (const [key, by] of model) if (by === owner) model.delete(key);
          } else if (what === 'hold') {
            const may = n < 8 && (model.get(ip) ?? owner) === owner;
            expect(pool.hold(owner, ip)).toBe(may);
            if (may) model.set(ip, owner);
          } else {
            const taken = pool.take(owner, 4);
            if ('ip' in taken) {
              expect(model.get(taken.ip) ?? owner).toBe(owner);
              model.set(taken.ip, owner);
            }
          }
          for (const id of ['u0', 'u1', 'u2']) expect(pool.of(id).toSorted()).toEqual([...model].flatMap(([key, by]) => (by === id ? key : [])).toSorted()); // prettier-ignore
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('simulated instances', () => {
  const instances = localInstances((name) => `10.0.0.${name.length}`);
  const { signal } = new AbortController();
  const node = (labels: Record<string, string> = {}, annotations: Record<string, string> = {}): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'c-node-2', labels, annotations } }); // prettier-ignore
  it('are spread over zones, those that are counted in turn', () => {
    expect([1, 2, 3, 4].map((i) => zoneOf(`c-node-${i}`))).toEqual(['local-a', 'local-b', 'local-c', 'local-a']);
    const others = new Set(['amber', 'birch', 'cedar', 'dogwood', 'elm', 'fir', 'ginkgo', 'hazel'].map(zoneOf));
    expect([...others].toSorted()).toEqual(['local-a', 'local-b', 'local-c']);
  });
  it('are where people say', async () => {
    expect(await instances.metadata(node(), signal)).toMatchObject({ providerID: 'local://c-node-2', zone: 'local-b', region: 'local', instanceType: 'simulated' }); // prettier-ignore
    expect(await instances.metadata(node({ [ZONE]: 'mars', 'topology.kubernetes.io/region': 'space' }), signal)).toMatchObject({ zone: 'mars', region: 'space' }); // prettier-ignore
  });
  it('have the address that their kubelet was told, or one by their name', async () => {
    const addressOf = async (of: Node) => (await instances.metadata(of, signal))!.addresses.map(({ address }) => address); // prettier-ignore
    expect(await addressOf(node())).toEqual(['10.0.0.8', 'c-node-2']);
    expect(await addressOf(node({}, { [PROVIDED_IP]: '10.1.1.1,fd00::1' }))).toEqual(['10.1.1.1', 'fd00::1', 'c-node-2']); // prettier-ignore
  });
  it.each([[undefined, true, false], ['running', true, false], ['shutdown', true, true], ['terminated', false, false]])('%s: there %s, shut down %s', async (state, exists, isShutdown) => {
    const of = node({}, state === undefined ? {} : { [INSTANCE]: state });
    expect([await instances.exists(of, signal), await instances.isShutdown(of, signal)]).toEqual([exists, isShutdown]);
  }); // prettier-ignore
});

describe('the table of routes', () => {
  const { signal } = new AbortController();
  const route = (targetNode: string, destination: string) => ({ name: '', targetNode, destination, targetAddresses: [{ type: 'InternalIP', address: '10.0.0.1' }] }); // prettier-ignore
  it('is one that people can look at, and outlives who wrote it', async () => {
    const c = testCluster();
    const routes = localRoutes(c.client);
    expect(await routes.list(signal)).toEqual([]);
    const [first, second] = [route('n1', '10.244.1.0/24'), route('n1', 'fd00::/64')];
    await Promise.all([routes.create(first, '', signal), routes.create(second, '', signal)]);
    expect(Object.keys(c.api.object<ConfigMap>(configMaps, 'kube-system/kubus-routes')!.data!)).toEqual(['10.244.1.0_24', 'fd00--_64']); // prettier-ignore
    // Together, and made where there was none.
    expect(c.api.calls.map(({ verb }) => verb)).toEqual(['get', 'patch', 'create']);
    const other = localRoutes(c.client);
    const listed = await other.list(signal);
    expect(listed.map(({ destination, targetNode }) => `${destination} ${targetNode}`)).toEqual(['10.244.1.0/24 n1', 'fd00::/64 n1']); // prettier-ignore
    await other.remove(listed[0]!, signal);
    expect((await routes.list(signal)).map(({ destination }) => destination)).toEqual(['fd00::/64']);
  });
  it('goes on after a write that failed', async () => {
    const c = testCluster();
    const routes = localRoutes(c.client);
    c.api.intercept = ({ verb }) => {
      if (verb === 'patch') throw new Error('no');
    };
    const both = Promise.allSettled([1, 2].map((i) => routes.create(route('n1', `10.244.${i}.0/24`), '', signal)));
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    c.api.intercept = undefined;
    await routes.create(route('n1', '10.244.3.0/24'), '', signal);
    expect(await routes.list(signal)).toHaveLength(1);
  });
  it.each(['nonsense', '{}', 'null', '{"destination":"10.244.1.0/24","node":7}'])('has black holes where somebody wrote %s', async (text) => {
    const c = testCluster();
    await c.client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: TABLE, data: { x: text } });
    expect(await localRoutes(c.client).list(signal)).toEqual([{ name: 'x', destination: '', targetNode: '', isBlackhole: true }]);
  }); // prettier-ignore
});

describe('backends of a port', () => {
  type Condition = 'ready' | 'leaving' | 'gone' | 'unsaid';
  const CONDITIONS = {
    ready: { ready: true, serving: true, terminating: false },
    leaving: { ready: false, serving: true, terminating: true },
    gone: { ready: false, serving: false, terminating: true },
    unsaid: {},
  };
  const slice = (endpoints: readonly [ip: string, node: string | undefined, Condition][], ports = [{ name: 'http', port: 8080, protocol: 'TCP' as const }]): EndpointSlice => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's', namespace: 'd' },
    addressType: 'IPv4',
    ports,
    endpoints: endpoints.map(([ip, nodeName, condition]) => ({ addresses: [ip], nodeName, conditions: CONDITIONS[condition], targetRef: { kind: 'Pod', name: `p-${ip}`, namespace: 'd' } })),
  }); // prettier-ignore
  const service = (spec: object = {}): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'd' }, spec: { type: 'LoadBalancer', ...spec } }); // prettier-ignore
  const port = { name: 'http', port: 80, protocol: 'TCP' as const };
  const both = new Set(['n1', 'n2']);
  const ips = (...args: Parameters<typeof backendsOf>): string[] => backendsOf(...args).map(({ ip }) => ip);
  it.each([
    ['what is ready', [['1', 'n1', 'ready'], ['2', 'n2', 'ready'], ['3', 'n1', 'gone']], ['1', '2']],
    ['what says nothing', [['1', 'n1', 'unsaid']], ['1']],
    ['nothing that leaves as long as something is ready', [['1', 'n1', 'leaving'], ['2', 'n2', 'ready']], ['2']],
    ['what leaves where nothing is ready', [['1', 'n1', 'leaving'], ['2', 'n2', 'gone']], ['1']],
    ['nothing that is gone', [['1', 'n1', 'gone']], []],
    ['one once', [['1', 'n1', 'ready'], ['1', 'n1', 'ready']], ['1']],
  ] as [string, [string, string, Condition][], string[]][])('are %s', (_, endpoints, wanted) => {
    expect(ips(service(), port, [slice(endpoints)], both)).toEqual(wanted);
  }); // prettier-ignore
  it('with Local are on nodes behind the load balancer', () => {
    const slices = [slice([['1', 'n1', 'ready'], ['2', 'n3', 'ready'], ['3', undefined, 'ready']])]; // prettier-ignore
    expect(ips(service(), port, slices, both)).toEqual(['1', '2', '3']);
    expect(ips(service({ externalTrafficPolicy: 'Local' }), port, slices, both)).toEqual(['1']);
  });
  it('are none where no node is behind the load balancer', () => {
    expect(ips(service(), port, [slice([['1', 'n1', 'ready']])], new Set())).toEqual([]);
  });
  it('are of the port of that name and protocol', () => {
    const slices = [slice([['1', 'n1', 'ready']], [{ name: 'http', port: 8080, protocol: 'TCP' }, { name: 'other', port: 9090, protocol: 'TCP' }]), slice([['2', 'n1', 'ready']], [{ name: 'http', port: 53, protocol: 'UDP' as never }])]; // prettier-ignore
    expect(backendsOf(service(), port, slices, both)).toEqual([{ id: '1 8080', ip: '1', port: 8080, node: 'n1', pod: 'p-1', namespace: 'd' }]); // prettier-ignore
  });
});

describe('who gets a connection', () => {
  const backends: Backend[] = ['a', 'b', 'c'].map((id) => ({ id, ip: id, port: 1 }));
  const sticky = (timeoutSeconds?: number): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: {}, spec: { sessionAffinity: 'ClientIP', ...(timeoutSeconds && { sessionAffinityConfig: { clientIP: { timeoutSeconds } } }) } }); // prettier-ignore
  it('is each in turn, the others behind it', () => {
    const chooser = createChooser();
    const orders = [0, 1, 2, 3].map(() => chooser.order('x', backends, 0).map(({ id }) => id).join('')); // prettier-ignore
    expect(orders).toEqual(['abc', 'bca', 'cab', 'abc']);
    expect(chooser.order('x', [], 0)).toEqual([]);
  });
  it('is the same for a client, until it was quiet for long or that one is gone', () => {
    const chooser = createChooser();
    chooser.set(sticky(60));
    const first = (now: number, among = backends): string => {
      const [backend] = chooser.order('x', among, now);
      chooser.chosen('x', backend!, now);
      return backend!.id;
    };
    expect([first(0), first(59_999), first(100_000), first(159_999)]).toEqual(['a', 'a', 'a', 'a']);
    expect(first(160_000, backends.slice(1))).not.toBe('a');
    const then = first(170_000);
    expect(first(180_000)).toBe(then);
    chooser.set({ apiVersion: 'v1', kind: 'Service', metadata: {}, spec: {} });
    expect(new Set([first(1), first(2), first(3)]).size).toBe(3);
  });
  it('remembers the latest clients', () => {
    const chooser = createChooser();
    chooser.set(sticky());
    for (let i = 0; i < 10_001; i++) chooser.chosen(`${i}`, backends[2]!, 0);
    expect(chooser.order('10000', backends, 0)[0]!.id).toBe('c');
    expect(chooser.order('0', backends, 0)[0]!.id).toBe('a');
  });
});

describe('clients that are admitted', () => {
  const service = (ranges: string[] | undefined, annotation?: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { annotations: annotation === undefined ? {} : { 'service.beta.kubernetes.io/load-balancer-source-ranges': annotation } }, spec: { ...(ranges && { loadBalancerSourceRanges: ranges }) } }); // prettier-ignore
  it.each([
    [undefined, undefined, '1.2.3.4', true],
    [undefined, ' ', '1.2.3.4', true],
    [['127.0.0.0/8'], undefined, '127.9.9.9', true],
    [['127.0.0.0/8'], undefined, '128.0.0.1', false],
    [['10.0.0.0/8', '0.0.0.0/0'], undefined, '128.0.0.1', true],
    [['::1/128'], undefined, '::1', true],
    [['::1/128'], undefined, '127.0.0.1', false],
    [['10.0.0.0/8'], '0.0.0.0/0', '11.0.0.1', false],
    [undefined, '10.0.0.0/8, 11.0.0.0/8', '11.0.0.1', true],
    [['127.0.0.0/8'], undefined, '::ffff:127.0.0.1', true],
    [['0.0.0.0/0'], undefined, '', false],
  ])('%j %s: %s %s', (ranges, annotation, client, is) => expect(admits(service(ranges, annotation))(client)).toBe(is));
  it('cannot be told from nonsense', () => {
    expect(() => admits(service(['x']))).toThrow('service.Spec.LoadBalancerSourceRanges: [x] is not valid. Expecting a list of IP ranges.'); // prettier-ignore
    expect(() => admits(service(undefined, '10.0.0.0'))).toThrow('service.beta.kubernetes.io/load-balancer-source-ranges: 10.0.0.0 is not valid.'); // prettier-ignore
    expect([plain('::ffff:1.2.3.4'), plain('::1')]).toEqual(['1.2.3.4', '::1']);
  });
});
describe('a port on which the machine lets nobody listen', () => {
  it.each([
    ['EACCES', /below 1024: give the Service a port of 1024 or more, start the cluster as root/],
    ['EADDRINUSE', /find it with: ss -ltnp 'sport = :80'/],
    ['EADDRNOTAVAIL', /add it with: ip addr add 127\.1\.1\.1 dev lo/],
    ['EMFILE', /ulimit -n/],
    ['EWHATEVER', /^cannot listen on 127\.1\.1\.1:80 \(EWHATEVER\)$/],
  ])('%s has a cause and a next step', (code, text) => {
    expect(refusalOf('127.1.1.1', 80, Object.assign(new Error('x'), { code }))).toMatch(text);
    expect(refusalOf('fd00::1', 80, Object.assign(new Error('x'), { code }))).toContain('[fd00::1]:80');
  });
});
