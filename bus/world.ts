/**
 * Everything a component may learn from outside its messages: time, randomness, ids, and a place to log to.
 * Product code takes a World; it never calls Date.now, Math.random, setTimeout or crypto by itself, because what it
 * reads there could not be replayed. (It lives in bus/, the lowest layer that needs a clock; schemas/ needs none.)
 */
export interface World {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly ids: Ids;
  readonly log: Logger;
}

/** XState's Clock plus the time of day: hand it to `createActor(logic, { clock })` as it is. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds with fractions since some moment, for who counts how long work takes; without it `now` does. */
  readonly elapsed?: () => number;
  readonly setTimeout: (fn: (...args: unknown[]) => void, ms: number) => TimerId;
  readonly clearTimeout: (id: TimerId) => void;
}
export type TimerId = number | object;

export interface Ids {
  /** RFC 4122 v4, for metadata.uid. */
  uuid(): string;
  /** `length` characters of Kubernetes' safe alphabet `bcdfghjklmnpqrstvwxz2456789`, for generateName. */
  suffix(length: number): string;
  /** Short unique token for message and session ids: [A-Za-z0-9_-]+. */
  token(): string;
}

/** Constant message, then keys: `component, actor, object {kind, ns, name, uid}, resourceVersion, err`. */
export interface Logger {
  debug(message: string, keys?: Readonly<Record<string, unknown>>): void;
  info(message: string, keys?: Readonly<Record<string, unknown>>): void;
  warn(message: string, keys?: Readonly<Record<string, unknown>>): void;
  error(message: string, keys?: Readonly<Record<string, unknown>>): void;
  child(keys: Readonly<Record<string, unknown>>): Logger;
}

/** Resolves after `ms` on the world's clock; rejects with the signal's reason when aborted. */
export function delay(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clock.clearTimeout(id);
      reject(signal!.reason as Error);
    };
    const id = clock.setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
