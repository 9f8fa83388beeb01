import type { Change, ChangesRequest, ChangesResponse } from '../../../bus/protocol/etcd.ts';
import type { Version } from '../version.ts';
import type { Store } from '../store.ts';
import { MAX_REPLY_BYTES } from './range.ts';
import { compacted, settle } from './revision.ts';

/** All changes after a revision, each once and in order. */
export async function changes(store: Store, request: ChangesRequest, signal: AbortSignal): Promise<ChangesResponse> {
  const { after, upTo, limit } = request;
  const revision = await settle(store, upTo, signal);
  const { index } = store;
  if (after < index.floor) throw compacted(after, index.floor);
  const found: Change[] = [];
  let bytes = 0;
  for (const version of index.history.after(after)) {
    if (version.revision > revision) break;
    bytes += version.key.length + (version.value?.length ?? 0);
    if (found.length > 0 && (found.length === limit || bytes > MAX_REPLY_BYTES))
      return { changes: found, revision: found.at(-1)!.revision, more: true };
    found.push(changeOf(version));
  }
  return { changes: found, revision: Math.max(revision, after), more: false };
}

const changeOf = ({ revision, key, value, older, createRevision }: Version): Change => ({
  revision,
  key,
  value,
  previousRevision: older?.value === undefined ? 0 : older.revision,
  createRevision,
});
