/** One who takes part: what it would like, and what it gets at the least and at the most. */
export interface Claim {
  readonly target: number;
  readonly low: number;
  readonly high: number;
}
const LEAST_TARGET = 0.001;

export interface Allocation {
  readonly shares: readonly number[];
  /** Each gets this times its target, as far as its bounds allow. */
  readonly fair: number;
}
/**
 * Divides `sum` in proportion to targets, within bounds: all get the same multiple of their target except those whose bound
 * is in the way. undefined: the bounds leave no room for that. Source: apiserver pkg/util/flowcontrol conc_alloc.go.
 */
export function allocate(sum: number, claims: readonly Claim[]): Allocation | undefined {
  const goals = claims.map(({ target }) => Math.max(target, LEAST_TARGET));
  const at = (fair: number): number[] =>
    claims.map(({ low, high }, i) => Math.max(low, Math.min(high, fair * goals[i]!)));
  const total = (shares: readonly number[]): number => shares.reduce((all, share) => all + share, 0);
  const [low, high] = [total(claims.map((c) => c.low)), total(claims.map((c) => c.high))];
  const EPSILON = 1e-7;
  if (low - sum > EPSILON || sum - high > EPSILON || claims.some((c) => c.high < c.low)) return undefined;
  if (sum === 0) return { shares: claims.map(() => 0), fair: 0 };
  // The sum grows with `fair`, in straight pieces between the places where somebody reaches a bound.
  const turns = [...new Set(claims.flatMap((c, i) => [c.low / goals[i]!, c.high / goals[i]!]))].toSorted(
    (a, b) => a - b,
  );
  let [before, reached] = [turns[0] ?? 0, low];
  for (const turn of turns) {
    const there = total(at(turn));
    if (there >= sum - EPSILON) {
      const fair = there - reached <= EPSILON ? turn : before + ((turn - before) * (sum - reached)) / (there - reached);
      return { shares: at(fair), fair };
    }
    [before, reached] = [turn, there];
  }
  return { shares: at(before), fair: before };
}
