import { ApiError } from '../../../schemas/meta/status.ts';
import type { Store } from '../store.ts';

/** Source: etcd api/v3rpc/rpctypes ErrCompacted. */
export const compacted = (revision: number, floor: number): ApiError =>
  new ApiError('Expired', `required revision ${revision} has been compacted, the oldest is ${floor}`);

/**
 * Resolves when the index can answer for `revision` (0 or undefined: for now, after a barrier) with the revision to
 * answer for. Thrown: Expired below the floor, Timeout for one that does not come.
 */
export async function settle(store: Store, revision: number | undefined, signal: AbortSignal): Promise<number> {
  if (revision === undefined || revision === 0) await store.fresh();
  else while (revision > store.index.revision) await store.feed.reached(revision, undefined, signal);
  const { index } = store;
  const at = revision === undefined || revision === 0 ? index.revision : revision;
  if (at < index.floor) throw compacted(at, index.floor);
  return at;
}
