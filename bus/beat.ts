import type { Subscription } from './bus.ts';
import type { Clock } from './world.ts';

export const BEAT_MS = 250;

/**
 * Calls `fn` every BEAT_MS, on multiples of it on the clock: all beats of a machine fall together, so that whoever
 * hears many of them is woken once. (Silence is counted in beats of one's own, not in time: after a stall of one's own
 * the others' beats are still in the queue.)
 */
export function everyBeat(clock: Clock, fn: () => void): Subscription {
  const next = (): ReturnType<Clock['setTimeout']> => {
    const ms = BEAT_MS - (clock.now() % BEAT_MS);
    // Timers may fire a little early.
    return clock.setTimeout(beat, ms < BEAT_MS / 4 ? ms + BEAT_MS : ms);
  };
  const beat = (): void => {
    timer = next();
    fn();
  };
  let timer = next();
  return {
    unsubscribe: () => {
      clock.clearTimeout(timer);
    },
  };
}
