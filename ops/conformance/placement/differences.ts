import { isDeepStrictEqual } from 'node:util';
import type { Verdict } from './verdict.ts';

/** Where two verdicts part. */
export interface Difference {
  /** As in `score ImageLocality`. */
  readonly what: string;
  readonly real: unknown;
  readonly ours: unknown;
}
/** Scores are compared only where both would choose among the same nodes. */
export function differences(real: Verdict, ours: Verdict): readonly Difference[] {
  const found: Difference[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (!isDeepStrictEqual(a, b)) found.push({ what, real: a, ours: b });
  };
  compare('feasible', real.feasible, ours.feasible);
  compare('message', real.message, ours.message);
  compare('preemption', [real.nominated, real.victims], [ours.nominated, ours.victims]);
  if (found.length > 0) return found;
  for (const plugin of new Set([...Object.keys(real.scores ?? {}), ...Object.keys(ours.scores ?? {})]))
    compare(`score ${plugin}`, counted(real.scores?.[plugin]), counted(ours.scores?.[plugin]));
  return found;
}
/** A plugin that has no preference says so by nothing, or by a zero for every node. */
const counted = (scores: readonly number[] | undefined): readonly number[] | undefined =>
  scores?.some((score) => score > 0) ? scores : undefined;
