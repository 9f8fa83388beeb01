import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { parseQuantity } from '../../../schemas/meta/quantity.ts';
import type { Hinted, Outcome } from './hints.ts';

/**
 * Hints as the annotation `service.kubernetes.io/topology-mode: Auto` wants them: endpoints are dealt out to zones by the
 * CPUs that zones have. Source: k8s.io/endpointslice/topologycache.
 */
const MODE = 'service.kubernetes.io/topology-mode';
const DEPRECATED_MODE = 'service.kubernetes.io/topology-aware-hints';
const ZONE = 'topology.kubernetes.io/zone';
const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
/** By how much more than its share an endpoint may get. */
const OVERLOAD = 0.2;

/** Endpoints by the zone they are meant for. */
export type ZoneCounts = ReadonlyMap<string, number>;
/** Shares of all CPUs, by zone; they add up to 1. */
export type ZoneRatios = ReadonlyMap<string, number>;

export function wantsTopology(annotations: Readonly<Record<string, string>> | undefined): boolean {
  const mode = annotations?.[DEPRECATED_MODE] ?? annotations?.[MODE];
  return mode === 'Auto' || mode === 'auto';
}
export const isNodeReady = (node: Node): boolean =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
export const zoneOf = (node: Node): string | undefined => node.metadata.labels?.[ZONE];

/** undefined: zones or CPUs are not known of all ready nodes, or there are fewer than two zones. */
export function zoneRatios(nodes: Iterable<Node>): ZoneRatios | undefined {
  const millis = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    if (CONTROL_PLANE.some((label) => node.metadata.labels?.[label] !== undefined) || !isNodeReady(node)) continue;
    const zone = zoneOf(node);
    const cpu = Number(parseQuantity(node.status?.allocatable?.['cpu'] ?? '0').nano) / 1e6;
    if (!zone || cpu === 0) return undefined;
    millis.set(zone, (millis.get(zone) ?? 0) + cpu);
    total += cpu;
  }
  if (total === 0 || millis.size < 2) return undefined;
  return new Map([...millis].sort(([a], [b]) => (a < b ? -1 : 1)).map(([zone, cpu]) => [zone, cpu / total]));
}

interface Allocation {
  readonly minimum: number;
  readonly maximum: number;
  readonly desired: number;
}
const minimumOf = (desired: number): number => Math.ceil(desired * (1 / (1 + OVERLOAD)));

function allocationsOf(ratios: ZoneRatios | undefined, count: number): ReadonlyMap<string, Allocation> | string {
  if (!ratios)
    return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  const sizes = `(${count} endpoints, ${ratios.size} zones)`;
  if (ratios.size > count) return `Insufficient number of endpoints ${sizes}`;
  const minima = [...ratios].map(([zone, ratio]) => ({ zone, desired: ratio * count, minimum: minimumOf(ratio * count) }));
  const total = minima.reduce((sum, { minimum }) => sum + minimum, 0);
  if (total > count)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold ${sizes}`;
  return new Map(
    minima.map(({ zone, desired, minimum }) => [zone, { minimum, desired: Math.max(desired, minimum), maximum: minimum + count - total }]),
  );
} // prettier-ignore

const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true;
const add = (counts: Map<string, number>, zone: string, by = 1): void =>
  void counts.set(zone, (counts.get(zone) ?? 0) + by);

/** Hints for one address type, or why there are none. */
export function topologyHints(
  { changed, unchanged }: Outcome,
  ratios: ZoneRatios | undefined,
): { readonly hinted: Hinted; readonly counts: ZoneCounts } | string {
  const count = [...changed, ...unchanged.map((slice) => slice.endpoints ?? [])].flat().filter(isReady).length;
  const allocations = allocationsOf(ratios, count);
  if (typeof allocations === 'string') return allocations;
  const counts = new Map<string, number>();
  const stale: EndpointSlice[] = [];
  for (const slice of unchanged) {
    const here = countsOf(slice, counts, allocations);
    if (here) for (const [zone, n] of here) add(counts, zone, n);
    else stale.push(slice);
  }
  const lists = [...changed, ...stale.map((slice) => slice.endpoints ?? [])];
  for (const endpoint of lists.flat())
    if (isReady(endpoint)) {
      if (!endpoint.zone) return 'One or more endpoints do not have a zone specified';
      add(counts, endpoint.zone);
    }
  const { giving, receiving } = exchange(allocations, counts);
  const deal = (endpoint: Endpoint): Endpoint => {
    const { hints: _before, ...bare } = endpoint;
    if (!isReady(endpoint)) return bare;
    const own = endpoint.zone!;
    const [to] = (giving.get(own) ?? 0) > 0 ? receiving.keys() : [];
    if (to !== undefined) {
      for (const [zones, zone] of [[giving, own], [receiving, to]] as const) {
        if (zones.get(zone) === 1) zones.delete(zone);
        else add(zones, zone, -1);
      }
      add(counts, to);
      add(counts, own, -1);
    }
    return { ...bare, hints: { forZones: [{ name: to ?? own }] } };
  };
  const dealt = lists.map((endpoints) => endpoints.map(deal));
  const also = stale.map((slice, i) => ({ slice, endpoints: dealt[changed.length + i]! }));
  return { hinted: { changed: dealt.slice(0, changed.length), also }, counts };
} // prettier-ignore

/** What an unchanged slice's hints give to each zone; undefined when they cannot stay. Source: getHintsByZone. */
function countsOf(
  slice: EndpointSlice,
  counts: ZoneCounts,
  allocations: ReadonlyMap<string, Allocation>,
): ZoneCounts | undefined {
  const here = new Map<string, number>();
  for (const endpoint of slice.endpoints ?? []) {
    if (!isReady(endpoint)) continue;
    const zones = endpoint.hints?.forZones ?? [];
    if (zones.length === 0 || !zones.every(({ name }) => allocations.has(name))) return undefined;
    for (const { name } of zones) add(here, name);
  }
  for (const [zone, n] of here) if (n + (counts.get(zone) ?? 0) > allocations.get(zone)!.maximum) return undefined;
  return here;
}

/** How many endpoints zones give away to others. Source: getGivingAndReceivingZones. */
function exchange(allocations: ReadonlyMap<string, Allocation>, counts: ZoneCounts) {
  const surplus = new Map<string, number>();
  const lack = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const has = counts.get(zone) ?? 0;
    if (has > desired) surplus.set(zone, has - desired);
    else if (has < desired) lack.set(zone, desired - has);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const [from, much] = most(surplus);
    const [to, little] = most(lack);
    if ((much < 1 && little < 1) || much < 0.5 || little < 0.5) return { giving, receiving };
    add(giving, from);
    add(surplus, from, -1);
    add(receiving, to);
    add(lack, to, -1);
  }
}
const most = (zones: ZoneCounts): readonly [string, number] =>
  [...zones].reduce<readonly [string, number]>((a, b) => (b[1] > a[1] ? b : a), ['', 0]);

/** Whether some zone has fewer endpoints than its nodes want. Source: serviceOverloaded. */
export function isOverloaded(counts: ZoneCounts, ratios: ZoneRatios | undefined): boolean {
  if (counts.size === 0) return false;
  if (!ratios) return true;
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  return [...ratios].some(([zone, ratio]) => (counts.get(zone) ?? -1) < minimumOf(total * ratio));
}
