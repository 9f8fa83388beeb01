import { decodeObject } from '../../bus/codec.ts';
import type { Stored } from '../../bus/protocol/api.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';

/**
 * An object of one's own: decoded anew, with its revision put where the API has it. Without metadata.managedFields, as in
 * kube-controller-manager's caches: nobody here reads them, and who writes an object without them leaves them as they are.
 */
export function objectOf<T extends KubeObject>(stored: Stored): T {
  const object = decodeObject(stored.value) as T;
  object.metadata.resourceVersion = String(stored.revision);
  return object;
}

interface Entry {
  readonly revision: number;
  readonly bytes: Uint8Array;
  readonly object: KubeObject;
}
const SIZE = 512;
/**
 * What was decoded last. One write comes to a process several times: as the reply to its writer, and as an event to each
 * component that watches. Decoding is most of what an event costs, so all of them share one object. The bytes are
 * compared, so an object stands for nothing but itself, whichever cluster it came from.
 */
const recent: (Entry | undefined)[] = Array.from({ length: SIZE }, () => undefined);

/** The object, shared with whoever else in this process decodes the same write: never change it. */
export function sharedObjectOf<T extends KubeObject>(stored: Stored): T {
  const { revision, value } = stored;
  const slot = revision % SIZE;
  const known = recent[slot];
  if (known?.revision === revision && Buffer.compare(known.bytes, value) === 0) return known.object as T;
  const object = objectOf<T>(stored);
  recent[slot] = { revision, bytes: value, object };
  return object;
}
