import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { finishedAt } from './pods.ts';

/** Failures since the last success of a Job, from which follows how long no pod is made. */
export interface Backoff {
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly lastFailure: number;
}
export const NO_BACKOFF: Backoff = { failures: 0, lastFailure: 0 };

const FIRST_MS = 10_000;
const MOST_MS = 600_000;

/** How long from now on, in ms: ten seconds, doubled with each failure up to ten minutes, from the last failure on. */
export function remainingMs({ failures, lastFailure }: Backoff, now: number): number {
  if (failures === 0) return 0;
  return Math.max(0, Math.min(FIRST_MS * 2 ** (failures - 1), MOST_MS) - (now - lastFailure));
}
/** With the pods that were not counted yet. Source: pkg/controller/job/backoff_utils.go newBackoffRecord. */
export function withFinished(old: Backoff, succeeded: readonly Pod[], failed: readonly Pod[]): Backoff {
  if (succeeded.length === 0 && failed.length === 0) return old;
  const lastSuccess = succeeded.length > 0 ? Math.max(...succeeded.map(finishedAt)) : -Infinity;
  const since = failed.map(finishedAt).filter((time) => time > lastSuccess);
  const before = succeeded.length > 0 ? 0 : old.failures;
  if (since.length === 0) return NO_BACKOFF;
  return { failures: before + since.length, lastFailure: Math.max(...since) };
}
