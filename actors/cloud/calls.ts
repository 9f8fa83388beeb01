import type { TimerId, World } from '../../bus/world.ts';

/** The longest that a cloud may take for one call before it counts as failed. */
export const CALL_MS = 60_000;

/**
 * One call of a cloud that ends in time: rejects when `signal` is aborted, and after a minute with an error that names
 * what did not answer. A call that goes on all the same is heard no more.
 */
export function call<T>(
  { clock }: Pick<World, 'clock'>,
  what: string,
  signal: AbortSignal,
  make: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const fail = (error: Error): void => {
    reject(error);
    end.abort(error);
  };
  const onAbort = (): void => fail(signal.reason as Error);
  const late: TimerId = clock.setTimeout(
    () => fail(new Error(`the cloud did not answer within ${CALL_MS / 1_000}s: ${what}`)),
    CALL_MS,
  );
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    // Also of those who throw at once.
    Promise.resolve(end.signal).then(make).then(resolve, reject);
  }
  return promise.finally(() => {
    clock.clearTimeout(late);
    signal.removeEventListener('abort', onAbort);
  });
}
