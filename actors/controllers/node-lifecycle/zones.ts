import type { Node } from '../../../schemas/generated/core-v1.ts';

export type ZoneState = 'normal' | 'partlyDisrupted' | 'disrupted';
/** Source: kube-controller-manager --unhealthy-zone-threshold, --large-cluster-size-threshold, --node-eviction-rate, --secondary-node-eviction-rate. */
const UNHEALTHY_SHARE = 0.55;
const LARGE_ZONE = 50;
const EVERY_MS = 10_000;
const EVERY_MS_DISRUPTED = 100_000;
const EXCLUDED = 'node.kubernetes.io/exclude-disruption';

/** Source: component-helpers/node/topology GetZoneKey, which prefers the labels of before v1.17. */
export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const region = labels['failure-domain.beta.kubernetes.io/region'] ?? labels['topology.kubernetes.io/region'] ?? '';
  const zone = labels['failure-domain.beta.kubernetes.io/zone'] ?? labels['topology.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}
const isReady = (node: Node): boolean => node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false; // prettier-ignore
const isExcluded = ({ metadata }: Node): boolean => metadata.labels?.[EXCLUDED] !== undefined;

export interface Zone {
  readonly state: ZoneState;
  readonly size: number;
  /** Of these not ready. */
  readonly unhealthy: number;
}
/** How many nodes of each zone are ready, kept as nodes come, change and go: a thousand that start are not counted a thousand times. */
export interface Tally {
  /** `undefined`: it is gone. */
  note(name: string, node: Node | undefined): void;
  /** The same as before where nothing has changed that counts. */
  zones(): ReadonlyMap<string, Zone>;
}
interface Counted {
  readonly zone: string;
  readonly isReady: boolean;
}
export function createTally(): Tally {
  const nodes = new Map<string, Counted>();
  const counts = new Map<string, { ready: number; not: number }>();
  let zones: ReadonlyMap<string, Zone> | undefined;

  function add({ zone, isReady: ready }: Counted, by: 1 | -1): void {
    const count = counts.get(zone) ?? { ready: 0, not: 0 };
    counts.set(zone, count);
    count[ready ? 'ready' : 'not'] += by;
    if (count.ready + count.not === 0) counts.delete(zone);
  }
  return {
    note(name, node) {
      const before = nodes.get(name);
      const now = node && !isExcluded(node) ? { zone: zoneOf(node), isReady: isReady(node) } : undefined;
      if (before?.zone === now?.zone && before?.isReady === now?.isReady) return;
      if (before) add(before, -1);
      if (now) add(now, 1);
      if (now) nodes.set(name, now);
      else nodes.delete(name);
      zones = undefined;
    },
    zones: () => (zones ??= new Map([...counts].map(([zone, { ready, not }]) => [zone, { state: stateOf(ready, not), size: ready + not, unhealthy: not }]))), // prettier-ignore
  };
}
/** Source: ComputeZoneState. */
function stateOf(ready: number, not: number): ZoneState {
  if (ready === 0 && not > 0) return 'disrupted';
  return not > 2 && not / (ready + not) >= UNHEALTHY_SHARE ? 'partlyDisrupted' : 'normal';
}
/** Then the fault is ours, or the network's, and no pod is to pay for it. */
export const areAllLost = (zones: ReadonlyMap<string, Zone>): boolean =>
  zones.size > 0 && [...zones.values()].every(({ state }) => state === 'disrupted');
/**
 * How often a node of the zone may lose its pods, ms; undefined: not at all. When all zones are silent the fault is ours;
 * when most of a zone is, it is the network's: then small zones keep their pods and large ones lose them slowly.
 */
export function evictionPeriodMs(zones: ReadonlyMap<string, Zone>, zone: string): number | undefined {
  if (areAllLost(zones)) return undefined;
  const { state, size } = zones.get(zone) ?? { state: 'normal', size: 0 };
  if (state !== 'partlyDisrupted') return EVERY_MS;
  return size > LARGE_ZONE ? EVERY_MS_DISRUPTED : undefined;
}

/** Lets the nodes of each zone lose their pods one after the other. */
export interface Pace {
  /** How long a node of the zone must wait, ms; undefined: until its zone is better. */
  waitMs(zone: string, now: number): number | undefined;
  /** One has had its turn. */
  take(zone: string, now: number): void;
  /** Periods may have changed. */
  judge(zones: ReadonlyMap<string, Zone>, now: number): void;
}
interface Turn {
  readonly periodMs: number | undefined;
  /** When the next one may be, ms. */
  readonly at: number;
}
export function createPace(): Pace {
  const turns = new Map<string, Turn>();
  const turnOf = (zone: string): Turn => turns.get(zone) ?? { periodMs: EVERY_MS, at: 0 };
  return {
    waitMs(zone, now) {
      const { periodMs, at } = turnOf(zone);
      return periodMs === undefined ? undefined : Math.max(0, at - now);
    },
    take(zone, now) {
      const { periodMs } = turnOf(zone);
      turns.set(zone, { periodMs, at: now + (periodMs ?? 0) });
    },
    /** Who waits when a period changes waits for a whole one. Source: RateLimitedTimedQueue SwapLimiter. */
    judge(zones, now) {
      for (const zone of new Set([...zones.keys(), ...turns.keys()])) {
        const old = turnOf(zone);
        const periodMs = evictionPeriodMs(zones, zone);
        if (periodMs === old.periodMs) continue;
        const isWaiting = old.periodMs === undefined || old.at > now;
        turns.set(zone, { periodMs, at: isWaiting ? now + (periodMs ?? 0) : now });
      }
    },
  };
}
