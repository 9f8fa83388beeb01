/** Makes of an entry's value, which may be a view into a far larger buffer, bytes that keep nothing else alive. */
export type KeepValue = (revision: number, value: Uint8Array) => Uint8Array;

export const keepCopy: KeepValue = (_revision, value) => new Uint8Array(value);

/** How many wait for the other at most; one that lags behind by more keeps copies of its own. */
const MOST = 256;

/**
 * For the two of one thread that keep what is committed, the store and the API server: each hears of it on its own, and the
 * bytes are held once. Whoever hears of a revision first makes the copy, which is handed to the other.
 */
export function keepOnce(): KeepValue {
  const waiting = new Map<number, Uint8Array>();
  return (revision, value) => {
    const known = waiting.get(revision);
    if (known !== undefined) {
      waiting.delete(revision);
      // Of another history, perhaps: a store that began anew counts from the beginning.
      if (Buffer.compare(known, value) === 0) return known;
    }
    const copy = new Uint8Array(value);
    waiting.set(revision, copy);
    if (waiting.size > MOST) waiting.delete(waiting.keys().next().value!);
    return copy;
  };
}
