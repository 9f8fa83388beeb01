import { amountOf, SIGNALS, type Condition, type Observations, type Signal, type Threshold } from './thresholds.ts';

/** What is remembered from one look to the next. */
export interface EvictionState {
  /** Too little for longer than they may be, and not enough yet since. */
  readonly met: readonly Threshold[];
  /** Since when there is too little, by threshold. */
  readonly since: ReadonlyMap<string, number>;
  /** When there was last too little, by condition. */
  readonly lastSeen: ReadonlyMap<Condition, number>;
}
export const CALM: EvictionState = { met: [], since: new Map(), lastSeen: new Map() };
const keyOf = ({ signal, graceMs, value }: Threshold): string => `${signal} ${graceMs} ${JSON.stringify(value)}`;

/** Those of which there is too little. `untilReclaimed`: or not so much more again that it is enough. Pure. */
export function tooLittle(thresholds: readonly Threshold[], observations: Observations, untilReclaimed = false): Threshold[] {
  return thresholds.filter(({ signal, value, minReclaim }) => {
    const observed = observations.get(signal);
    if (observed === undefined) return false;
    const more = untilReclaimed && minReclaim !== undefined ? amountOf(minReclaim, observed.capacity) : 0;
    return amountOf(value, observed.capacity) + more > observed.available;
  });
} // prettier-ignore

export interface Decision {
  readonly state: EvictionState;
  /** What the node is to say of itself. */
  readonly conditions: ReadonlySet<Condition>;
  /** What there is too little of for too long, what matters most first. */
  readonly starved: readonly Threshold[];
}
/**
 * One look at what there is: which thresholds call for action now, and what the node is under. A condition outlasts what
 * caused it by `transitionMs`, so that pods do not come back at once. Pure. Source: kubelet eviction_manager.go synchronize.
 */
export function decide(
  before: EvictionState,
  thresholds: readonly Threshold[],
  observations: Observations,
  o: { readonly now: number; readonly transitionMs: number },
): Decision {
  const fresh = tooLittle(thresholds, observations);
  const known = new Set(fresh.map(keyOf));
  const unresolved = tooLittle(before.met, observations, true).filter((threshold) => !known.has(keyOf(threshold)));
  const present = [...fresh, ...unresolved];
  const since = new Map(present.map((threshold) => [keyOf(threshold), before.since.get(keyOf(threshold)) ?? o.now]));
  const lastSeen = new Map(before.lastSeen);
  for (const { signal } of present) lastSeen.set(SIGNALS[signal].condition, o.now);
  const conditions = new Set([...lastSeen].filter(([, at]) => o.now - at < o.transitionMs).map(([condition]) => condition)); // prettier-ignore
  const met = present.filter((threshold) => o.now - since.get(keyOf(threshold))! >= threshold.graceMs);
  return { state: { met, since, lastSeen }, conditions, starved: met.toSorted((a, b) => rankOf(a.signal) - rankOf(b.signal)) }; // prettier-ignore
}
/** Memory before anything else. */
const rankOf = (signal: Signal): number => (SIGNALS[signal].resource === 'memory' ? 0 : 1);
export const isHard = ({ graceMs }: Threshold): boolean => graceMs === 0;
