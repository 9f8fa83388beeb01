import type { Node } from '../../../schemas/generated/core-v1.ts';

export type ZoneState = 'normal' | 'partlyDisrupted' | 'disrupted';
/** Source: kube-controller-manager --unhealthy-zone-threshold, --large-cluster-size-threshold, --node-eviction-rate. */
const UNHEALTHY_SHARE = 0.55;
const LARGE_ZONE = 50;
const EVERY_MS = 10_000;
const EVERY_MS_DISRUPTED = 100_000;

export const zoneOf = ({ metadata: { labels } }: Node): string =>
  `${labels?.['topology.kubernetes.io/region'] ?? ''}/${labels?.['topology.kubernetes.io/zone'] ?? ''}`;
const isReady = (node: Node): boolean => node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false; // prettier-ignore

export interface Zone {
  readonly state: ZoneState;
  readonly size: number;
}
export function zonesOf(nodes: Iterable<Node>): Map<string, Zone> {
  const counts = new Map<string, { ready: number; not: number }>();
  for (const node of nodes) {
    const zone = zoneOf(node);
    const count = counts.get(zone) ?? { ready: 0, not: 0 };
    counts.set(zone, count);
    if (isReady(node)) count.ready++;
    else count.not++;
  }
  return new Map(
    [...counts].map(([zone, { ready, not }]) => [zone, { state: stateOf(ready, not), size: ready + not }]),
  );
}
function stateOf(ready: number, not: number): ZoneState {
  if (ready === 0 && not > 0) return 'disrupted';
  return not > 2 && not / (ready + not) >= UNHEALTHY_SHARE ? 'partlyDisrupted' : 'normal';
}
/**
 * How often a node of the zone may lose its pods, ms; undefined: not at all. When all zones are silent the fault is ours;
 * when most of a zone is, it is the network's: then small zones keep their pods and large ones lose them slowly.
 */
export function evictionPeriodMs(zones: ReadonlyMap<string, Zone>, zone: string): number | undefined {
  const all = [...zones.values()];
  if (all.every(({ state }) => state === 'disrupted')) return undefined;
  const { state, size } = zones.get(zone) ?? { state: 'normal', size: 0 };
  if (state !== 'partlyDisrupted') return EVERY_MS;
  return size > LARGE_ZONE ? EVERY_MS_DISRUPTED : undefined;
}
