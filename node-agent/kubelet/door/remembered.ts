import type { Clock } from '../../../bus/world.ts';

/** Asks, unless it is known. Rejects as `ask` does, which is not remembered. */
export type Remembered<T> = (key: string, ask: () => Promise<T>) => Promise<T>;
/**
 * Asks once for all who want to know the same at the same time, and not again for `ttlMs` of the answer. At most `most` are
 * kept; those that were asked about longest ago go.
 */
export function remembered<T>(clock: Pick<Clock, 'now'>, most: number, ttlMs: (answer: T) => number): Remembered<T> {
  const known = new Map<string, { readonly answer: T; readonly until: number }>();
  const asking = new Map<string, Promise<T>>();
  const keep = (key: string, answer: T): void => {
    const forMs = ttlMs(answer);
    if (forMs <= 0) return;
    if (known.size >= most) known.delete(known.keys().next().value!);
    known.set(key, { answer, until: clock.now() + forMs });
  };
  return async (key, ask) => {
    const found = known.get(key);
    known.delete(key);
    if (found !== undefined && found.until > clock.now()) {
      known.set(key, found);
      return found.answer;
    }
    let pending = asking.get(key);
    if (pending === undefined) {
      pending = ask().finally(() => asking.delete(key));
      asking.set(key, pending);
      pending.then(
        (answer) => keep(key, answer),
        () => undefined,
      );
    }
    return pending;
  };
}
