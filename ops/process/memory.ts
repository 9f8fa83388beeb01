import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_EVERY_MS = 1000;
/** Once it was idle a thread is looked at this seldom: each look wakes it. */
const LOOK_AT_REST_MS = 10_000;
/** Share of the time the event loop was busy below which a thread counts as idle, and above which as busy. */
const IDLE = 0.05;
const BUSY = 0.25;
/** A cluster of many nodes is never idle. Once it is not busy it gives back what a rollout has left: if it is that much. */
const CALM_EVERY_MS = 10_000;
const WORTH_BYTES = 24 * 2 ** 20;
/** Collecting more than this takes long enough to be noticed: it is left to V8, which does it bit by bit. */
const MOST_BYTES = 192 * 2 ** 20;
/**
 * By how much what is kept may grow until V8 collects, percent; the launcher has set the first. Where there is much to look
 * through, V8 would be at it half of the time while much comes: while 10,000 pods came, a GET's p99 was 74 ms without and 33 ms with it (one pair).
 */
const GROWTH = { usual: 50, large: 150 };

/**
 * Gives memory back when this thread is idle after it was busy, at first after its start: some 30 MB that V8 would keep
 * until the process is short of memory; and once it is calm, what a rollout has left. Compiled code stays: throwing it away
 * too cost a rollout of 500 pods 10 to 30 % more CPU. It stops the thread, for 70 ms at rest and some 200 ms with 3,000 pods,
 * so it never happens under load, nor where there is more to look through. V8's own reducer, which would collect several
 * times in the first half minute at rest, is switched off by the launcher.
 */
export function shrinkWhenIdle(): void {
  setFlagsFromString('--expose-gc');
  setFlagsFromString('--no-flush-bytecode');
  const collect = runInNewContext('gc') as (options: object) => void;
  let last = performance.eventLoopUtilization();
  /** What collecting would still pay: when calm, when idle, or not until the thread was busy again. */
  let due: 'calm' | 'idle' | 'never' = 'idle';
  let keptBytes = process.memoryUsage().heapUsed;
  let keptAt = -Infinity;
  const isWorthIt = (): boolean =>
    performance.now() - keptAt > CALM_EVERY_MS && process.memoryUsage().heapUsed > keptBytes + WORTH_BYTES;
  const giveBack = (next: typeof due): void => {
    due = next;
    if (process.memoryUsage().heapUsed > MOST_BYTES) return;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    keptBytes = process.memoryUsage().heapUsed;
    keptAt = performance.now();
    // That was no work.
    last = performance.eventLoopUtilization();
  };
  let isLarge = false;
  /** The flag is of all threads: who is large says so at each look, since another may have taken it back. */
  const growAsFits = (): void => {
    const wasLarge = isLarge;
    isLarge = process.memoryUsage().heapUsed > MOST_BYTES;
    if (isLarge || wasLarge) setFlagsFromString(`--heap-growing-percent=${isLarge ? GROWTH.large : GROWTH.usual}`);
  };
  const look = (): void => {
    growAsFits();
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    if (utilization > BUSY) due = 'calm';
    else if (utilization < IDLE && due !== 'never') giveBack('never');
    else if (due === 'calm' && isWorthIt()) giveBack('idle');
    setTimeout(look, due === 'never' ? LOOK_AT_REST_MS : LOOK_EVERY_MS).unref();
  };
  setTimeout(look, LOOK_EVERY_MS).unref();
}
