/** The items of several sequences as they come; ends when all have. None is asked for more than is taken. */
export async function* merge<T>(...sources: readonly AsyncIterable<T>[]): AsyncGenerator<T, void> {
  const next = async (from: AsyncIterator<T>): Promise<readonly [AsyncIterator<T>, IteratorResult<T>]> => [from, await from.next()]; // prettier-ignore
  const pending = new Map<AsyncIterator<T>, ReturnType<typeof next>>();
  for (const source of sources) {
    const from = source[Symbol.asyncIterator]();
    pending.set(from, next(from));
  }
  try {
    while (pending.size > 0) {
      const [from, { done, value }] = await Promise.race(pending.values());
      if (done === true) pending.delete(from);
      else {
        yield value;
        pending.set(from, next(from));
      }
    }
  } finally {
    // Whoever took them has left: how the others end is nobody's business.
    for (const [from, item] of pending) {
      item.catch(() => {});
      from.return?.()?.catch(() => {});
    }
  }
}
