import { soon } from '../../../bus/real-world.ts';
import type { Clock } from '../../../bus/world.ts';
import type { GiveWay } from '../../../schemas/helpers/steps.ts';

/** How long one request may keep all others waiting. */
const TURN_MS = 10;
/**
 * Of one request: others have their turn whenever it has taken more than its own. Without a timer, as whoever sleeps on a
 * busy machine waits for all other processes before he goes on.
 */
export function givesWay(clock: Clock): GiveWay {
  let since = clock.now();
  return () => {
    if (clock.now() - since < TURN_MS) return undefined;
    return new Promise((resolve) => {
      soon(() => {
        since = clock.now();
        resolve();
      });
    });
  };
}
