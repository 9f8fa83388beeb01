import fc from 'fast-check';
import { expect, it } from 'vitest';
import type {
  AllocationResult,
  Device,
  ResourceClaim,
  ResourceSlice,
} from '../../../../schemas/generated/resource-v1.ts';
import { deviceId, nanos } from './allocator/devices.ts';
import { alternatives } from './allocator/requests.ts';
import { allocate } from './testing/allocate.ts';
import { aClaim, aSlice, DRIVER, selecting } from './testing/objects.ts';

const MODELS = ['x', 'y'];
const device = fc
  .record({
    model: fc.constantFrom(...MODELS),
    slots: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined, freq: 2 }),
    memory: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined, freq: 3 }),
    isTainted: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  })
  .map(({ model, slots, memory, isTainted }): Omit<Device, 'name'> => ({
    attributes: { model: { string: model } },
    ...(slots !== undefined && { consumesCounters: [{ counterSet: 'card', counters: { slots: { value: String(slots) } } }] }), // prettier-ignore
    ...(memory !== undefined && { allowMultipleAllocations: true, capacity: { memory: { value: `${memory}Gi` } } }),
    ...(isTainted && { taints: [{ key: 'k', effect: 'NoSchedule' }] }),
  }));
/** Two pools of one node, each with a card of four slots. */
const slices = fc.array(fc.array(device, { maxLength: 4 }), { minLength: 1, maxLength: 2 }).map((pools): ResourceSlice[] =>
  pools.flatMap((devices, i) => {
    const pool = { pool: { name: `p${i}`, generation: 1, resourceSliceCount: 2 } };
    return [
      aSlice(`p${i}-counters`, [], { ...pool, sharedCounters: [{ name: 'card', counters: { slots: { value: '4' } } }] }),
      aSlice(`p${i}-devices`, devices.map((one, j) => ({ name: `d${j}`, ...one })), pool),
    ];
  }),
); // prettier-ignore
const detail = fc
  .record({
    count: fc.integer({ min: 1, max: 2 }),
    isAll: fc.integer({ min: 0, max: 6 }).map((n) => n === 0),
    model: fc.option(fc.constantFrom(...MODELS), { nil: undefined }),
    memory: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 1 }),
    tolerates: fc.boolean(),
  })
  .map(({ count, isAll, model, memory, tolerates }) => ({
    deviceClassName: 'gpu',
    ...(isAll ? { allocationMode: 'All' as const } : { allocationMode: 'ExactCount' as const, count }),
    ...(model !== undefined && selecting(`device.attributes["${DRIVER}"].model == "${model}"`)),
    ...(memory !== undefined && { capacity: { requests: { memory: `${memory}Gi` } } }),
    ...(tolerates && { tolerations: [{ operator: 'Exists' as const }] }),
  }));
const request = fc.oneof(
  { weight: 3, arbitrary: detail.map((exactly) => ({ exactly })) },
  { weight: 1, arbitrary: fc.array(detail, { minLength: 1, maxLength: 2 }).map((all) => ({ firstAvailable: all.map((one, i) => ({ name: `a${i}`, ...one })) })) }, // prettier-ignore
);
const claim = fc
  .record({
    requests: fc.array(request, { minLength: 1, maxLength: 2 }),
    isAlike: fc.option(fc.boolean(), { nil: undefined, freq: 1 }),
  })
  .map(({ requests, isAlike }) => ({
    requests: requests.map((one, i) => ({ name: `r${i}`, ...one })),
    ...(isAlike !== undefined && { constraints: [{ [isAlike ? 'matchAttribute' : 'distinctAttribute']: `${DRIVER}/model` }] }), // prettier-ignore
  }));

/** One pod after the other, of up to two claims each; what one gets the next finds taken. */
function place(all: readonly ResourceSlice[], pods: readonly (readonly ResourceClaim[])[]): ResourceClaim[] {
  const held: ResourceClaim[] = [];
  for (const claims of pods) {
    const found = allocate({ slices: all, claims, held });
    if (typeof found === 'string') continue;
    expect(found).toHaveLength(claims.length);
    held.push(...claims.map((one, i) => ({ ...one, status: { allocation: renamed(found[i]!, one) } })));
  }
  return held;
}
/** The ids of shares begin anew in each search of a test. */
const renamed = (allocation: AllocationResult, { metadata }: ResourceClaim): AllocationResult => ({
  ...allocation,
  devices: { ...allocation.devices, results: allocation.devices!.results!.map((one) => ({ ...one, ...(one.shareID && { shareID: `${metadata.name}-${one.shareID}` }) })) }, // prettier-ignore
});
const resultsOf = ({ status }: ResourceClaim) => status?.allocation?.devices?.results ?? [];
const deviceOf = (all: readonly ResourceSlice[], id: string): Device =>
  all.flatMap(({ spec }) => (spec.devices ?? []).map((one) => ({ id: deviceId({ driver: spec.driver, pool: spec.pool.name, device: one.name }), one }))).find((known) => known.id === id)!.one; // prettier-ignore

it('no device is given twice, no counter or capacity overdrawn, and whoever gets devices gets what was asked for', () => {
  let placed = 0;
  fc.assert(
    fc.property(slices, fc.array(fc.array(claim, { minLength: 1, maxLength: 2 }), { maxLength: 4 }), (all, pods) => {
      const claims = place(all, pods.map((of, p) => of.map((devices, i) => aClaim(`c${p}-${i}`, devices)))); // prettier-ignore
      placed += claims.length;
      const given = Map.groupBy(claims.flatMap(resultsOf), deviceId);
      const slots = new Map<string, bigint>();
      for (const [id, results] of given) {
        const known = deviceOf(all, id);
        const isShared = known.allowMultipleAllocations === true;
        expect(results.every(({ shareID }) => (shareID !== undefined) === isShared)).toBe(true);
        if (!isShared) expect(results).toHaveLength(1);
        expect(new Set(results.map(({ shareID }) => shareID)).size).toBe(results.length);
        for (const [name, { value }] of Object.entries(known.capacity ?? {}))
          expect(results.reduce((sum, { consumedCapacity }) => sum + nanos(consumedCapacity?.[name] ?? 0), 0n)).toBeLessThanOrEqual(nanos(value)); // prettier-ignore
        for (const { counters } of known.consumesCounters ?? [])
          slots.set(results[0]!.pool, (slots.get(results[0]!.pool) ?? 0n) + nanos(counters['slots']!.value));
      }
      for (const used of slots.values()) expect(used).toBeLessThanOrEqual(nanos(4));
      for (const one of claims) {
        const models = resultsOf(one).map((result) => deviceOf(all, deviceId(result)).attributes!['model']!.string);
        const { requests = [], constraints = [] } = one.spec.devices!;
        if (constraints[0]?.matchAttribute) expect(new Set(models).size).toBeLessThanOrEqual(1);
        if (constraints[0]?.distinctAttribute) expect(new Set(models).size).toBe(models.length);
        for (const asked of requests) {
          const served = alternatives(asked).filter(({ name }) => resultsOf(one).some((result) => result.request === name)); // prettier-ignore
          expect(served).toHaveLength(1);
          const [alternative] = served;
          const got = resultsOf(one).filter(({ request: name }) => name === alternative!.name);
          if (alternative!.mode === 'ExactCount') expect(got).toHaveLength(alternative!.count);
          for (const result of got) {
            const known = deviceOf(all, deviceId(result));
            const wanted = /== "(\w)"/.exec(alternative!.selectors[0]?.cel?.expression ?? '')?.[1];
            if (wanted !== undefined) expect(known.attributes!['model']!.string).toBe(wanted);
            if (known.taints !== undefined) expect(alternative!.tolerations).toBeDefined();
            const memory = alternative!.capacity?.requests?.['memory'];
            if (memory !== undefined) expect(nanos(known.capacity!['memory']!.value)).toBeGreaterThanOrEqual(nanos(memory)); // prettier-ignore
          }
        }
      }
    }),
    { numRuns: 500 },
  );
  expect(placed).toBeGreaterThan(50);
});
