import type { CompactRequest } from '../../../bus/protocol/etcd.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Store } from '../store.ts';
import { compacted } from './revision.ts';

/** Moves the floor now. Thrown: Expired where it is higher already, BadRequest for a revision that is not there yet. */
export async function compact(store: Store, { revision }: CompactRequest): Promise<{ readonly revision: number }> {
  await store.fresh();
  for (;;) {
    const { index, compaction, feed } = store;
    if (revision <= index.floor) throw compacted(revision, index.floor);
    if (revision > index.revision)
      throw new ApiError(
        'BadRequest',
        `required revision ${revision} is a future revision, the store is at ${index.revision}`,
      );
    const moved = await compaction.compactTo(revision);
    if (moved === undefined) {
      await feed.fresh();
      continue;
    }
    await store.seen(moved);
    await compaction.idle();
    return { revision: store.index.floor };
  }
}
