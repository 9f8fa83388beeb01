import { delay } from './world.ts';
import type { Clock } from './world.ts';

/** Waits for `promise`, but no longer than `ms`: for goodbyes to a server that may not answer any more. */
export async function within(clock: Clock, ms: number, promise: Promise<unknown>): Promise<void> {
  const stop = new AbortController();
  const ignore = (): void => undefined;
  await Promise.race([promise.then(ignore, ignore), delay(clock, ms, stop.signal).catch(ignore)]);
  stop.abort();
}
