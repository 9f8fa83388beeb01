import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serviceOf, sliceOf, type EndpointSpec } from '../testing/objects.ts';
import { randomSituation } from '../testing/random.ts';
import { addressOf } from './address.ts';
import { serviceFacts, sliceFacts } from './facts.ts';
import { Plan, type PortPlan } from './plan.ts';
import type { ServiceSpec } from '../../../schemas/generated/core-v1.ts';

const HTTP = [{ name: 'http', port: 80, protocol: 'TCP' as const, nodePort: 30_080 }];
function planOf(spec: Partial<ServiceSpec>, endpoints: readonly EndpointSpec[], zone: string | undefined = 'z1'): PortPlan {
  const plan = new Plan();
  plan.setZone(zone);
  plan.putService(serviceFacts(serviceOf('web', { ports: HTTP, ...spec }))!);
  plan.putSlice(sliceFacts(sliceOf('web', 'a', endpoints, [{ name: 'http', port: 8080 }]), 'n1')!);
  plan.changes();
  return [...plan.all()][0]!;
} // prettier-ignore
const ips = (targets: PortPlan['cluster']): string => targets.map(({ ip }) => ip.split('.').at(-1)).join(' ');
const NODE_PORT = { type: 'NodePort' } as const;
const LOCAL = { ...NODE_PORT, externalTrafficPolicy: 'Local' } as const;
const here = (n: number, more: Partial<EndpointSpec> = {}): EndpointSpec => ({
  ip: `10.244.0.${n}`,
  node: 'n1',
  ...more,
});
const there = (n: number, more: Partial<EndpointSpec> = {}): EndpointSpec => ({ ip: `10.244.1.${n}`, node: 'n2', ...more }); // prettier-ignore

describe('where traffic goes', () => {
  it.each<[string, Partial<ServiceSpec>, readonly EndpointSpec[], string]>([
    ['ready endpoints anywhere', NODE_PORT, [here(1), there(2), there(3, { is: 'unready' })], 'cluster cluster | 1 2 | '],
    ['nobody: refused', NODE_PORT, [], 'reject reject |  | '],
    ['nobody is ready: refused', NODE_PORT, [here(1, { is: 'unready' }), there(2, { is: 'gone' })], 'reject reject |  | '],
    ['only those that end: to them', NODE_PORT, [there(1, { is: 'ending' }), there(2, { is: 'gone' })], 'cluster cluster | 1 | '],
    ['some end: not to them', NODE_PORT, [there(1, { is: 'ending' }), there(2)], 'cluster cluster | 2 | '],
    ['outside stays here', LOCAL, [here(1), there(2)], 'cluster local | 1 2 | 1'],
    ['outside, none here: dropped', LOCAL, [there(2)], 'cluster drop | 2 | '],
    ['outside, one here ends: to it', LOCAL, [here(1, { is: 'ending' }), there(2)], 'cluster local | 2 | 1'],
    ['outside, none anywhere: refused', LOCAL, [there(2, { is: 'gone' })], 'reject reject |  | '],
    ['inside stays here', { internalTrafficPolicy: 'Local' }, [here(1), there(2)], 'local cluster |  | 1'],
    ['inside, none here: dropped', { internalTrafficPolicy: 'Local' }, [there(2)], 'drop cluster |  | '],
    ['zones, all say: those of ours', NODE_PORT, [there(1, { zones: ['z1'] }), there(2, { zones: ['z2'] })], 'cluster cluster | 1 | '],
    ['zones, one says nothing: all', NODE_PORT, [there(1, { zones: ['z1'] }), there(2)], 'cluster cluster | 1 2 | '],
    ['zones, none of ours: all', NODE_PORT, [there(1, { zones: ['z3'] }), there(2, { zones: ['z2'] })], 'cluster cluster | 1 2 | '],
    ['zones, ours is not ready: all that are', NODE_PORT, [there(1, { zones: ['z1'], is: 'unready' }), there(2, { zones: ['z2'] })], 'cluster cluster | 2 | '],
    ['nodes before zones', NODE_PORT, [here(1, { zones: ['z2'], nodes: ['n1'] }), there(2, { zones: ['z1'], nodes: ['n2'] })], 'cluster cluster | 1 | '],
    ['nodes, none for ours: zones', NODE_PORT, [here(1, { zones: ['z2'], nodes: ['n3'] }), there(2, { zones: ['z1'], nodes: ['n2'] })], 'cluster cluster | 2 | '],
    ['hints do not keep outsiders from those here', LOCAL, [here(1, { zones: ['z2'] }), there(2, { zones: ['z1'] })], 'cluster local | 2 | 1'],
  ])('%s', (_, spec, endpoints, expected) => {
    const { internal, external, cluster, local } = planOf({ ...(spec.type === undefined && { ports: [{ ...HTTP[0]!, nodePort: 0 }] }), ...spec }, endpoints);
    expect(`${internal} ${external} | ${ips(cluster)} | ${ips(local)}`).toBe(expected);
  }); // prettier-ignore
  it('a node of no known zone goes by no zone', () => {
    const endpoints = [there(1, { zones: ['z1'] }), there(2, { zones: ['z2'] })];
    const plan = new Plan();
    plan.putService(serviceFacts(serviceOf('web', { ports: HTTP }))!);
    plan.putSlice(sliceFacts(sliceOf('web', 'a', endpoints, [{ name: 'http', port: 8080 }]), 'n1')!);
    plan.changes();
    expect(ips([...plan.all()][0]!.cluster)).toBe('1 2');
    plan.setZone('z2');
    expect(plan.changes()).toHaveLength(1);
    expect(ips([...plan.all()][0]!.cluster)).toBe('2');
  });
  it('an address that a pod has after another is the one that does not end', () => {
    const plan = new Plan();
    plan.putService(serviceFacts(serviceOf('web', { ports: HTTP }))!);
    plan.putSlice(sliceFacts(sliceOf('web', 'a', [here(1)], [{ name: 'http', port: 8080 }]), 'n1')!);
    plan.putSlice(sliceFacts(sliceOf('web', 'b', [here(1, { is: 'ending' })], [{ name: 'http', port: 8080 }]), 'n1')!);
    plan.changes();
    expect([...plan.all()][0]).toMatchObject({ cluster: [{ ip: '10.244.0.1', port: 8080, isLocal: true }] });
  });
});

describe('Services that no rules are made of', () => {
  it.each<[string, Parameters<typeof serviceOf>]>([
    ['headless', ['a', { clusterIP: 'None' }]],
    ['without an address yet', ['a', { clusterIP: '', clusterIPs: [] }]],
    ['a name elsewhere', ['a', { type: 'ExternalName', externalName: 'example.com' }]],
  ])('%s', (_, args) => expect(serviceFacts(serviceOf(...args))).toBeUndefined());
  it("another proxy's", () => {
    const service = serviceOf('a', { ports: HTTP });
    const labels = { 'service.kubernetes.io/service-proxy-name': 'mine' };
    expect(serviceFacts({ ...service, metadata: { ...service.metadata, labels } })).toBeUndefined();
  });
  it('slices of names, or of no Service', () => {
    const slice = sliceOf('web', 'a', [here(1)], HTTP);
    expect(sliceFacts({ ...slice, addressType: 'FQDN' }, 'n1')).toBeUndefined();
    expect(sliceFacts({ ...slice, metadata: { ...slice.metadata, labels: {} } }, 'n1')).toBeUndefined();
  });
});

describe('facts of a Service', () => {
  it('are told by family, balancers that pass connections on left out', () => {
    const ingress = [{ ip: '198.18.0.1' }, { ip: '198.18.0.2', ipMode: 'Proxy' }, { ip: 'fd18::1', ipMode: 'VIP' }, { hostname: 'x' }]; // prettier-ignore
    const facts = serviceFacts(
      serviceOf(
        'web',
        {
          type: 'LoadBalancer', clusterIPs: ['10.96.0.1', 'fd96::1'], ports: HTTP, externalIPs: ['192.0.2.1', '192.0.2.1', '', 'fd92::0:1'],
          loadBalancerSourceRanges: [' 10.0.0.7/8', '::/0', 'nonsense'], externalTrafficPolicy: 'Local', healthCheckNodePort: 32_000,
        },
        { loadBalancer: { ingress } },
      ),
    ); // prettier-ignore
    const told = facts!.ports.map(({ family, clusterIP, externalIPs, balancerIPs, sourceRanges, healthCheckNodePort }) => [family, clusterIP, externalIPs, balancerIPs, sourceRanges.map(({ text }) => text), healthCheckNodePort]); // prettier-ignore
    expect(told).toEqual([
      [4, '10.96.0.1', ['192.0.2.1'], ['198.18.0.1'], ['10.0.0.0/8'], 32_000],
      [6, 'fd96::1', ['fd92::1'], ['fd18::1'], [], 32_000],
    ]);
  });
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['010.0.00.01', '10.0.0.1'],
    ['10.0.0.256', undefined],
    ['10.0.0', undefined],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['FD00:0::1', 'fd00::1'],
    ['', undefined],
  ])('the address %j is %j', (text, expected) => expect(addressOf(text)?.text).toBe(expected));
});

describe('a plan', () => {
  it('is the same in whatever order facts came, and says of each change what was and what is', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(10_000), fc.array(fc.nat(50)), (a, b, order) => {
        const [first, second] = [randomSituation(a, 5), randomSituation(b, 5)];
        const direct = new Plan();
        for (const service of second.services) direct.putService(serviceFacts(service)!);
        for (const slice of second.slices) direct.putSlice(sliceFacts(slice, 'n1')!);
        const plan = new Plan();
        const known = new Map<string, unknown>();
        const take = (): void => {
          for (const { key, before, after } of plan.changes()) {
            expect(known.get(key)).toEqual(before);
            known.set(key, after);
          }
        };
        for (const slice of first.slices) plan.putSlice(sliceFacts(slice, 'n1')!);
        for (const service of first.services) plan.putService(serviceFacts(service)!);
        take();
        const steps = [
          ...second.slices.map((slice) => () => plan.putSlice(sliceFacts(slice, 'n1')!)),
          ...second.services.map((service) => () => plan.putService(serviceFacts(service)!)),
          ...first.slices.filter(({ metadata: { name } }) => !second.slices.some((s) => s.metadata.name === name)).map((slice) => () => plan.dropSlice(sliceFacts(slice, 'n1')!)),
        ];
        for (const [i, at] of order.entries()) {
          const [step] = steps.splice(at % Math.max(1, steps.length), 1);
          step?.();
          if (i % 3 === 0) take();
        }
        for (const step of steps) step();
        take();
        direct.changes();
        const told = (of: Plan): string => JSON.stringify([...of.services()].toSorted((x, y) => (x.key < y.key ? -1 : 1)));
        expect(told(plan)).toBe(told(direct));
      }),
      { numRuns: 50 },
    );
  }); // prettier-ignore
});
