import type { Injected } from './inject.ts';
import type { ChaosResult, Recorded } from './run.ts';
import type { WatchHistory } from './watch-check.ts';

/** What a run came to, in numbers. Times are ms. */
export interface Summary {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly FaultSummary[];
  readonly operations: number;
  /** Acknowledged writes. */
  readonly acknowledged: number;
  /** Requests that got no answer, or a 503 or 504. */
  readonly unanswered: number;
  readonly longestWriteGapMs: number;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly watches: { readonly resumed: number; readonly events: number; readonly longestGapMs: number };
  /** What was done with kubectl: how often it had to be tried again. */
  readonly kubectl: { readonly commands: number; readonly repeated: number; readonly longestMs: number };
  readonly leaders: number;
  readonly convergedMs: number | undefined;
  readonly violations: ChaosResult['violations'];
}
interface FaultSummary {
  readonly kind: string;
  readonly members: readonly string[];
  readonly atMs: number;
  readonly forMs: number;
  /** From the fault until a write that was sent after it was acknowledged. */
  readonly nextWriteMs: number | undefined;
  /** The same for a consistent read. */
  readonly nextReadMs: number | undefined;
}

export function summarize(result: ChaosResult): Summary {
  const { operations, began } = result;
  const done = operations.filter(({ outcome }) => outcome.kind === 'done');
  const writes = done.filter(({ ask }) => ask.kind !== 'get');
  const times = writes.map(({ returnedAt }) => returnedAt).sort((a, b) => a - b);
  const latencies = operations
    .filter(({ outcome }) => outcome.kind !== 'unknown')
    .map(({ invokedAt, returnedAt }) => returnedAt - invokedAt)
    .sort((a, b) => a - b);
  const at = (share: number): number => round(latencies[Math.floor((latencies.length - 1) * share)] ?? 0);
  return {
    seed: result.seed,
    seconds: result.seconds,
    faults: result.faults.map((fault) => ({
      kind: fault.kind,
      members: fault.members,
      atMs: round(fault.from - began),
      forMs: fault.forMs,
      nextWriteMs: firstAfter(fault, writes),
      nextReadMs: firstAfter(fault, done.filter(({ ask }) => ask.kind === 'get')), // prettier-ignore
    })),
    operations: operations.length,
    acknowledged: writes.length,
    unanswered: operations.filter(({ outcome }) => outcome.kind === 'unknown').length,
    longestWriteGapMs: round(times.reduce((most, time, i) => Math.max(most, i > 0 ? time - times[i - 1]! : 0), 0)),
    latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
    watches: {
      resumed: result.watchers.reduce((n, watcher) => n + resumptionsOf(watcher).length, 0),
      events: result.watchers.reduce((n, { items }) => n + items.filter(({ kind }) => kind === 'event').length, 0),
      longestGapMs: round(Math.max(0, ...result.watchers.flatMap(resumptionsOf).map(({ from, to }) => to - from))),
    },
    kubectl: {
      commands: result.commands.length,
      repeated: result.commands.reduce((n, { failures }) => n + failures.length, 0),
      longestMs: round(Math.max(0, ...result.commands.map(({ from, to }) => to - from))),
    },
    leaders: result.reigns.length,
    convergedMs: result.convergedMs === undefined ? undefined : round(result.convergedMs),
    violations: result.violations,
  };
}

/** When a watch ended and the next one of the same watcher said something, and where. */
export function resumptionsOf({ items }: WatchHistory): { from: number; to: number; server: string }[] {
  const found: { from: number; to: number; server: string }[] = [];
  let lost: number | undefined;
  for (const item of items) {
    if (item.kind === 'closed') lost ??= item.at;
    if (item.kind !== 'opened') continue;
    if (lost !== undefined) found.push({ from: lost, to: item.at, server: item.server });
    lost = undefined;
  }
  return found;
}
function firstAfter(fault: Injected, operations: readonly Recorded[]): number | undefined {
  const after = operations.filter(({ invokedAt }) => invokedAt >= fault.from).map(({ returnedAt }) => returnedAt);
  return after.length === 0 ? undefined : round(Math.min(...after) - fault.from);
}
const round = (n: number): number => Math.round(n * 10) / 10;
