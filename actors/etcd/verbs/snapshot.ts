import type { SnapshotResponse } from '../../../bus/protocol/etcd.ts';
import type { Store } from '../store.ts';

/** Writes a snapshot beside the stream, on the machine of the facade that answers. */
export async function snapshot(store: Store): Promise<SnapshotResponse> {
  await store.fresh();
  return await store.snapshot();
}
