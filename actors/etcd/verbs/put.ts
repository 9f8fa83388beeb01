import type { PutRequest, WriteResponse } from '../../../bus/protocol/etcd.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Store } from '../store.ts';
import { write } from './write.ts';

export function put(store: Store, request: PutRequest, signal: AbortSignal): Promise<WriteResponse> {
  if (!(request.value instanceof Uint8Array)) throw new ApiError('BadRequest', 'put: the value must be bytes');
  return write(store, request, signal);
}
