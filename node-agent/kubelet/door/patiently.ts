import { delay, type World } from '../../../bus/world.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';

/** Source: apiserver pkg/server/options DefaultAuthWebhookRetryBackoff. */
const [FIRST_MS, FACTOR, JITTER, TRIES] = [500, 1.5, 0.2, 5];
/** Source: apiserver pkg/util/webhook DefaultShouldRetry; who is not there at the moment is asked again as well. */
const PASSING: ReadonlySet<string> = new Set(['InternalError', 'Timeout', 'ServerTimeout', 'TooManyRequests', 'ServiceUnavailable']); // prettier-ignore

/** Asks the API about a client, several times where it cannot say now. Rejects as the last attempt did. */
export async function patiently<T>({ clock, random }: Pick<World, 'clock' | 'random'>, ask: () => Promise<T>): Promise<T> {
  for (let n = 1, ms = FIRST_MS; ; n++, ms *= FACTOR)
    try {
      return await ask();
    } catch (error) {
      if (n >= TRIES || !PASSING.has(reasonOf(error) ?? '')) throw error;
      await delay(clock, ms * (1 + JITTER * random()));
    }
} // prettier-ignore
