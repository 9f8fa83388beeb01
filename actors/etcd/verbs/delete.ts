import type { DeleteRequest, WriteResponse } from '../../../bus/protocol/etcd.ts';
import type { Store } from '../store.ts';
import { write } from './write.ts';

/** A key that does not exist is deleted already: no `previous` then, and no new revision. */
export function deleteKey(store: Store, request: DeleteRequest, signal: AbortSignal): Promise<WriteResponse> {
  const { key, expect, id, cause, fence } = request;
  return write(store, { key, value: undefined, expect, id, cause, fence }, signal);
}
