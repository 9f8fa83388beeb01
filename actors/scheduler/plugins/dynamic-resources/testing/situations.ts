import type { Device, DeviceConstraint, DeviceRequest, ExactDeviceRequest, ResourceClaim, ResourceSlice, ResourceSliceSpec } from '../../../../../schemas/generated/resource-v1.ts'; // prettier-ignore
import type { Situation } from './allocate.ts';
import { aClaim, aClass } from './objects.ts';

const DRIVERS = ['a.example.com', 'b.example.com'];
const EXPRESSIONS = [
  'device.attributes["a.example.com"].?model.orValue("") == "x"',
  'device.driver == "a.example.com"',
  '"num" in device.attributes["b.example.com"] && device.attributes["b.example.com"].num > 0',
  'device.capacity["a.example.com"].?memory.orValue(quantity("0")).compareTo(quantity("5Gi")) > 0',
  'device.allowMultipleAllocations',
  'has(device.attributes["shared.io"].grp)',
  'device.attributes["a.example.com"].?ver.orValue(semver("0.0.1")).isLessThan(semver("1.9.0"))',
];
const POLICIES = [
  { default: '1Gi', validValues: ['1Gi', '2Gi', '4Gi'] },
  { default: '1Gi', validRange: { min: '1Gi', step: '1Gi' } },
  { default: '1Gi', validRange: { min: '512Mi', max: '3Gi' } },
  { default: '2Gi' },
];
const TOLERATIONS: ExactDeviceRequest['tolerations'][] = [
  [{ operator: 'Exists' }],
  [{ key: 'k', operator: 'Equal', value: 'v' }],
  [{ key: 'l', operator: 'Exists', effect: 'NoExecute' }],
];
/** Numbers that are the same for the same seed, everywhere. Source: mulberry32. */
function dice(seed: number) {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return {
    below,
    chance: (p: number): boolean => next() < p,
    pick: <T>(of: readonly T[]): T => of[below(of.length)]!,
    times: <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i)),
  };
}
/**
 * Devices of two drivers, near and far, whole and in parts, and a pod's claims. Of the same seed always the same: what the
 * real allocator makes of each was recorded.
 */
export function situation(seed: number): Situation {
  const { below, chance, pick, times } = dice(seed);
  const zone = (name: string): Partial<ResourceSliceSpec> => ({ nodeSelector: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [name] }] }] } }); // prettier-ignore
  const slices: ResourceSlice[] = [];
  const held: ResourceClaim[] = [];

  function device(name: string, isPlaced: boolean, hasCounters: boolean): Device {
    const memory = chance(0.4) ? { value: pick(['4Gi', '8Gi', '10G', '1500M']) } : undefined;
    const isShared = memory !== undefined && chance(0.5);
    const policy = isShared && chance(0.6) ? { requestPolicy: pick(POLICIES) } : {};
    return {
      name,
      attributes: {
        model: { string: pick(['x', 'y', 'z']) },
        ...(chance(0.5) && { num: { int: below(3) } }),
        ...(chance(0.3) && { ver: { version: pick(['1.2.3', '1.10.0', '2.0.0-alpha']) } }),
        ...(chance(0.3) && { 'shared.io/grp': { string: pick(['p', 'q']) } }),
      },
      ...(memory && { capacity: { memory: { ...memory, ...policy } } }),
      ...(isShared && { allowMultipleAllocations: true }),
      ...(hasCounters && chance(0.6) && { consumesCounters: [{ counterSet: pick(['c0', 'c0', 'c1']), counters: { slots: { value: String(1 + below(3)) } } }] }), // prettier-ignore
      ...(chance(0.12) && { taints: [{ key: pick(['k', 'l']), value: 'v', effect: pick(['NoSchedule', 'NoExecute', 'None'] as const) }] }), // prettier-ignore
      ...(chance(0.1) && { bindingConditions: ['ready'], ...(chance(0.5) && { bindsToNode: true }) }),
      ...(isPlaced && pick([{ nodeName: 'n' }, { nodeName: 'm' }, { allNodes: true }, zone('a'), zone('b')])),
    };
  }
  for (const driver of DRIVERS)
    for (const p of times(1 + below(2), (i) => i)) {
      const name = `${driver[0]}-pool${p}`;
      const hasCounters = chance(0.4);
      const count = 1 + below(2);
      const pool = { name, generation: 1, resourceSliceCount: count + Number(hasCounters) + Number(chance(0.04)) };
      const add = (of: string, spec: Partial<ResourceSliceSpec>): void =>
        void slices.push({ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name: of }, spec: { driver, pool, ...spec } }); // prettier-ignore
      const counters = (slots: number) => ({ counters: { slots: { value: String(slots) } } });
      if (hasCounters) add(`${name}-z`, { nodeName: 'n', sharedCounters: [{ name: 'c0', ...counters(1 + below(5)) }, { name: 'c1', ...counters(3) }] }); // prettier-ignore
      let devices = 0;
      for (const s of times(count, (i) => i)) {
        const at: Partial<ResourceSliceSpec> = pick([{ nodeName: 'n' }, { nodeName: 'n' }, { nodeName: 'n' }, { nodeName: 'm' }, { allNodes: true }, zone('a'), zone('b'), { perDeviceNodeSelection: true }]); // prettier-ignore
        add(`${name}-${s}`, { ...at, devices: times(1 + below(4), () => device(`d${devices++}`, at.perDeviceNodeSelection === true, hasCounters)) }); // prettier-ignore
      }
      if (chance(0.05)) add(`${name}-new`, { pool: { ...pool, generation: 2, resourceSliceCount: pick([1, 2]) }, nodeName: pick(['n', 'm']), devices: [device('n0', false, false)] }); // prettier-ignore
    }
  for (const { spec } of slices)
    for (const { name, allowMultipleAllocations } of spec.devices ?? []) {
      if (!chance(0.15)) continue;
      const shared = { shareID: `i${held.length}`, consumedCapacity: { memory: pick(['1Gi', '2Gi', '500M']) } };
      const result = { request: 'r', driver: spec.driver, pool: spec.pool.name, device: name, ...(allowMultipleAllocations ? shared : chance(0.1) && { adminAccess: true }) }; // prettier-ignore
      held.push(aClaim(`h${held.length}`, {}, { status: { allocation: { devices: { results: [result] } } } }));
    }
  const detail = (): ExactDeviceRequest => ({
    deviceClassName: pick(['any', 'any', 'a', 'b']),
    ...(chance(0.1) ? { allocationMode: 'All' } : { allocationMode: 'ExactCount', count: chance(0.7) ? 1 : 1 + below(3) }),
    ...(chance(0.35) && { selectors: [{ cel: { expression: pick(EXPRESSIONS) } }] }),
    ...(chance(0.25) && { capacity: { requests: { memory: pick(['1Gi', '1500Mi', '3Gi', '100M', '2Gi']) } } }),
    ...(chance(0.4) && { tolerations: pick(TOLERATIONS) }),
  }); // prettier-ignore
  const constraint = (): DeviceConstraint => ({
    matchAttribute: pick(['a.example.com/model', 'b.example.com/model', 'shared.io/grp', 'a.example.com/num']),
    ...(chance(0.4) && { requests: ['r0'] }),
  });
  const opaque = { driver: DRIVERS[0]!, parameters: {} };
  const claims = times(1 + below(2), (c) =>
    aClaim(`c${c}`, {
      requests: times(1 + below(3), (i): DeviceRequest => {
        if (chance(0.25)) return { name: `r${i}`, firstAvailable: times(1 + below(3), (j) => ({ name: `s${j}`, ...detail() })) };
        return { name: `r${i}`, exactly: { ...detail(), ...(chance(0.1) && { adminAccess: true }) } };
      }),
      ...(chance(0.25) && { constraints: times(1 + below(2), constraint) }),
      ...(chance(0.3) && { config: [{ ...(chance(0.5) && { requests: pick([['r0'], ['r0/s1'], ['r1', 'r0/s0']]) }), opaque }] }),
    }),
  ); // prettier-ignore
  const of = (name: string, driver: string) => aClass(name, { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }], config: [{ opaque }] }); // prettier-ignore
  return { slices, held, claims, classes: [aClass('any'), of('a', DRIVERS[0]!), of('b', DRIVERS[1]!)], node: { name: 'n', labels: { zone: 'a' } } }; // prettier-ignore
}
