import type { ResourceSlice } from '../../../../../schemas/generated/resource-v1.ts';
import type { NodeIdentity } from '../../../../../schemas/helpers/node-affinity.ts';
import { deviceId, nanos, reaches, type Candidate, type Pool } from './devices.ts';

/** All slices, by what a node's search begins with. Made once for each state of the slices. */
export class Slices {
  readonly #ofNode = new Map<string, ResourceSlice[]>();
  readonly #shared: ResourceSlice[] = [];
  readonly #ofPool = new Map<string, ResourceSlice[]>();
  /** What was made of pools: nodes that reach the same slices have the same. */
  readonly #built = new Map<string, { readonly near: readonly ResourceSlice[]; readonly pool: Pool }[]>();

  constructor(slices: Iterable<ResourceSlice>) {
    for (const slice of slices) {
      const { nodeName, sharedCounters = [] } = slice.spec;
      if (!nodeName || sharedCounters.length > 0) this.#shared.push(slice);
      else push(this.#ofNode, nodeName, slice);
      push(this.#ofPool, poolOf(slice), slice);
    }
  }
  /** In no order that matters. */
  *near(node: string): Iterable<ResourceSlice> {
    yield* this.#ofNode.get(node) ?? [];
    yield* this.#shared;
  }
  /** `near`: in any order. `rest`: the others, which follow from them. */
  pool(id: string, near: ResourceSlice[], rest: readonly ResourceSlice[]): Pool {
    const sorted = near.sort((a, b) => compare(a.metadata.name!, b.metadata.name!));
    let known = this.#built.get(id);
    if (known === undefined) this.#built.set(id, (known = []));
    const same = known.find(
      (one) => one.near.length === sorted.length && one.near.every((slice, i) => slice === sorted[i]),
    );
    if (same !== undefined) return same.pool;
    const pool = build(sorted, rest);
    if (known.length < MOST_VARIANTS) known.push({ near: sorted, pool });
    return pool;
  }
  ofPool(id: string): readonly ResourceSlice[] {
    return this.#ofPool.get(id) ?? [];
  }
}
/** Most sets of slices by which one pool is kept. */
const MOST_VARIANTS = 16;
const poolOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;
function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}

/**
 * Pools with devices that a node can reach, of their newest generation. They come by driver and name, and those whose devices
 * have to be waited for come last; slices come by name: the first that does is taken, so names are how drivers say what
 * they would rather give away. Source: structured/internal/incubating GatherPools.
 */
export function gatherPools(slices: Slices, node: NodeIdentity): readonly Pool[] {
  const near = new Map<string, ResourceSlice[]>();
  for (const slice of slices.near(node.name)) if (isRelevant(slice, node)) take(near, slice);
  const pools: Pool[] = [];
  const late: Pool[] = [];
  for (const [id, ours] of near) {
    const { generation, resourceSliceCount } = ours[0]!.spec.pool;
    let rest: readonly ResourceSlice[] = [];
    if (ours.length !== resourceSliceCount) {
      // Some may only be out of this node's reach; or they belong to the next generation, of which it sees nothing yet.
      const all = slices.ofPool(id);
      if (all.some(({ spec }) => spec.pool.generation > generation)) continue;
      const current = all.filter(({ spec }) => spec.pool.generation === generation);
      if (current.length !== resourceSliceCount) {
        pools.push(unusable(ours[0]!, { isIncomplete: true }));
        continue;
      }
      const known = new Set(ours.map(({ metadata }) => metadata.name));
      rest = current.filter(({ metadata }) => !known.has(metadata.name));
    }
    const pool = slices.pool(id, ours, rest);
    (pool.isLate ? late : pools).push(pool);
  }
  return [...pools.sort(byId), ...late.sort(byId)];
}
function isRelevant({ spec }: ResourceSlice, node: NodeIdentity): boolean {
  if ((spec.sharedCounters?.length ?? 0) > 0) return true;
  if (spec.nodeName || spec.allNodes || spec.nodeSelector !== undefined) return reaches(spec, node);
  return spec.perDeviceNodeSelection === true && (spec.devices ?? []).some((device) => reaches(device, node));
}
/** Newer generations replace older ones. */
function take(pools: Map<string, ResourceSlice[]>, slice: ResourceSlice): void {
  const id = poolOf(slice);
  const known = pools.get(id);
  const newer = known === undefined ? 1 : slice.spec.pool.generation - known[0]!.spec.pool.generation;
  if (newer > 0) pools.set(id, [slice]);
  else if (newer === 0) known!.push(slice);
}
const unusable = (
  { spec }: ResourceSlice,
  how: { readonly isIncomplete?: boolean; readonly isInvalid?: boolean },
): Pool => ({
  id: `${spec.driver}/${spec.pool.name}`,
  driver: spec.driver,
  name: spec.pool.name,
  isIncomplete: how.isIncomplete ?? false,
  isInvalid: how.isInvalid ?? false,
  isLate: false,
  candidates: [],
  consumers: [],
  counters: new Map(),
});
/** `rest`: slices of the same pool whose devices are elsewhere. */
function build(ours: readonly ResourceSlice[], rest: readonly ResourceSlice[]): Pool {
  const first = ours[0]!;
  const counters = countersOf(ours);
  const holding = ours.filter(({ spec }) => (spec.sharedCounters?.length ?? 0) === 0);
  const names = holding.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name));
  if (counters === undefined || new Set(names).size < names.length || !knowsCounters([...ours, ...rest], counters))
    return unusable(first, { isInvalid: true });
  const candidates: Candidate[] = [];
  const consumers: Candidate[] = [];
  const isLate = holding.some(({ spec }) => (spec.devices ?? []).some((one) => one.bindingConditions !== undefined));
  const pool: Pool = { ...unusable(first, {}), isLate, candidates, consumers, counters };
  const candidatesOf = (slice: ResourceSlice): Candidate[] =>
    (slice.spec.devices ?? []).map((device) => ({
      id: deviceId({ driver: pool.driver, pool: pool.name, device: device.name }),
      driver: pool.driver,
      pool,
      slice,
      device,
    }));
  for (const slice of holding) candidates.push(...candidatesOf(slice));
  if (counters.size > 0)
    for (const one of [...candidates, ...rest.flatMap(candidatesOf)])
      if ((one.device.consumesCounters?.length ?? 0) > 0) consumers.push(one);
  return pool;
}
/** Undefined: two sets have the same name. */
function countersOf(slices: readonly ResourceSlice[]): Pool['counters'] | undefined {
  const sets = new Map<string, ReadonlyMap<string, bigint>>();
  for (const { spec } of slices)
    for (const { name, counters } of spec.sharedCounters ?? []) {
      if (sets.has(name)) return undefined;
      sets.set(name, new Map(Object.entries(counters).map(([counter, { value }]) => [counter, nanos(value)])));
    }
  return sets;
}
const knowsCounters = (slices: readonly ResourceSlice[], sets: Pool['counters']): boolean =>
  slices.every(({ spec }) =>
    (spec.devices ?? []).every((device) =>
      (device.consumesCounters ?? []).every(({ counterSet, counters }) =>
        Object.keys(counters).every((name) => sets.get(counterSet)?.has(name)),
      ),
    ),
  );
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byId = (a: Pool, b: Pool): number => compare(a.driver, b.driver) || compare(a.name, b.name);
