import type { Subscription } from './bus.ts';
import type { Clock, TimerId } from './world.ts';

export const BEAT_MS = 250;

interface Ticker {
  readonly listeners: Set<() => void>;
  timer: TimerId | undefined;
}
const tickers = new WeakMap<Clock, Ticker>();

/**
 * Calls `fn` every BEAT_MS, on multiples of it on the clock. All beats of a process are one timer, and those of a machine
 * fall together: what costs a process at rest is not the work but each time it is woken. (Silence is counted in
 * beats of one's own, not in time: after a stall of one's own the others' beats are still in the queue.)
 */
export function everyBeat(clock: Clock, fn: () => void): Subscription {
  const ticker = tickers.get(clock) ?? { listeners: new Set(), timer: undefined };
  tickers.set(clock, ticker);
  // A function of its own, so that the same `fn` can be there twice.
  const listener = (): void => {
    fn();
  };
  ticker.listeners.add(listener);
  ticker.timer ??= next(clock, ticker);
  return {
    unsubscribe: () => {
      ticker.listeners.delete(listener);
      if (ticker.listeners.size > 0 || ticker.timer === undefined) return;
      clock.clearTimeout(ticker.timer);
      ticker.timer = undefined;
    },
  };
}

function next(clock: Clock, ticker: Ticker): TimerId {
  const ms = BEAT_MS - (clock.now() % BEAT_MS);
  return clock.setTimeout(
    () => {
      ticker.timer = next(clock, ticker);
      for (const listener of ticker.listeners) listener();
    },
    // Timers may fire a little early.
    ms < BEAT_MS / 4 ? ms + BEAT_MS : ms,
  );
}
