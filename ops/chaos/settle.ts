import type { Committed } from './committed.ts';
import type { Operation } from './operation.ts';

/**
 * Says of the writes without an answer what the store's log knows: one that is not there never took effect and is left
 * out, one that is there has its revision, and any time from its request on to have taken effect in. Without this a
 * long history has too many orders to try. Values are each written by one request alone; deletes are left as they are.
 * `log`: without a hole, and read to its end after the last of `operations` returned, so that nobody among them can have
 * seen what is done later.
 */
export function settleUnknown(operations: readonly Operation[], log: readonly Committed[]): Operation[] {
  const written = Map.groupBy(
    log.filter(({ value }) => value !== undefined),
    ({ key, value }) => `${key} ${value}`,
  );
  return operations.flatMap((operation) => {
    const { key, ask, outcome } = operation;
    if (outcome.kind !== 'unknown' || (ask.kind !== 'create' && ask.kind !== 'update')) return [operation];
    const entries = written.get(`${key} ${ask.value}`) ?? [];
    if (entries.length === 0) return [];
    // Written twice: for the check of what was acknowledged to tell, not for this one.
    if (entries.length > 1) return [operation];
    const done = { kind: 'done', revision: entries[0]!.revision } as const;
    return [{ ...operation, outcome: done, returnedAt: Number.MAX_VALUE }];
  });
}
