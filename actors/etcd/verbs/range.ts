import type { RangeRequest, RangeResponse } from '../../../bus/protocol/etcd.ts';
import type { Store } from '../store.ts';
import { settle } from './revision.ts';
import { keyValue } from './write.ts';

/** What one message may hold beside a value of the greatest size. */
export const MAX_REPLY_BYTES = 1_000_000;

/** Fixes the revision first and reads as of it, so that no list is newer than its items. */
export async function range(store: Store, request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
  const { key, rangeEnd, limit, keysOnly, countOnly, uncounted } = request;
  const revision = await settle(store, request.revision, signal);
  const query = { key, rangeEnd, revision, maxBytes: MAX_REPLY_BYTES };
  if (countOnly) {
    const { count } = store.index.range({ ...query, limit: 0 });
    return { revision, kvs: [], more: false, count };
  }
  const { versions, more, count } = store.index.range({ ...query, uncounted, limit: limit ? limit : Infinity });
  return { revision, kvs: versions.map((version) => keyValue(version, keysOnly)), more, count };
}
