/**
 * What the apiserver and the etcd actor say to each other on `kubus.v1.etcd.<verb>`. Keys are etcd's
 * (`/registry/pods/default/web`); values are the encoded object without metadata.resourceVersion: whoever decodes it
 * puts the revision there.
 */
/** Of an error of put or delete: it will not get better by trying again, somebody must make room first. */
export { isNoSpace } from '../log.ts';

export interface KeyValue {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the write that brought the key into being, of the newest write, and the count of writes since creation. */
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}
export interface RangeRequest {
  readonly key: string;
  /** Exclusive end; undefined: that one key. `prefixEnd(key)` for all keys below. */
  readonly rangeEnd?: string | undefined;
  /** As of this revision; undefined: now, after a barrier. Compacted -> Expired, in the future -> Timeout after 3 s. */
  readonly revision?: number | undefined;
  readonly limit?: number | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  /** `count` may be left at what the page holds: who reads page after page to the end need not have all counted each time. */
  readonly uncounted?: boolean | undefined;
}
/**
 * An answer is cut at about 1 MB (at least one item), with or without `limit`: `more` then, and the rest is had by asking
 * again from behind the last key (`lastKey + '\0'`) at this `revision`.
 */
export interface RangeResponse {
  /** What the items are as of: never newer than them. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Of all keys in the range, whatever the limit. */
  readonly count: number;
}
/** The leadership under which an elected component writes; ends in the log beside the write. */
export interface StoreFence {
  /** Key of the Lease. */
  readonly key: string;
  readonly holder: string;
  readonly transitions: number;
  /** When the leadership was last checked, ms since the epoch. */
  readonly checkedAt: number;
}
export interface PutRequest {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision the key must have, 0: must not exist; undefined: whatever it has. */
  readonly expect?: number | undefined;
  /**
   * With `expect: 0`, the same for all repetitions: a revision that the caller had seen before the first. A key that was
   * deleted later than that is answered as a conflict without a present state: the caller asks anew, under another id. Or
   * an attempt that was given up might still create what another attempt was refused because it was there.
   */
  readonly since?: number | undefined;
  readonly ttlMs?: number | undefined;
  /** Names this write; a repetition with the same id returns the first outcome. */
  readonly id: string;
  /** Id of the message that led to this write. */
  readonly cause?: string | undefined;
  /** Refused with Conflict once somebody else holds the lease. */
  readonly fence?: StoreFence | undefined;
}
export interface DeleteRequest {
  readonly key: string;
  readonly expect?: number | undefined;
  readonly id: string;
  readonly cause?: string | undefined;
  readonly fence?: StoreFence | undefined;
}
/** A failed `expect` is not an error but `{ conflict: the key's present state }`; see `since` for one without a state. */
export interface WriteResponse {
  readonly revision: number;
  readonly conflict?: { readonly current: KeyValue | undefined } | undefined;
  /** What a delete removed. */
  readonly previous?: KeyValue | undefined;
}
/**
 * Committed changes after a revision, for whoever found a gap in the republished events. `Expired` below the floor.
 * Cut like a range: `more` then, to be asked again after the last change's revision.
 */
export interface ChangesRequest {
  readonly after: number;
  readonly upTo?: number | undefined;
  readonly limit?: number | undefined;
}
export interface Change {
  readonly revision: number;
  readonly key: string;
  /** undefined: deleted. */
  readonly value: Uint8Array | undefined;
  readonly previousRevision: number;
  readonly createRevision: number;
}
export interface ChangesResponse {
  readonly changes: readonly Change[];
  /** The store's revision when it answered: having applied `changes` (and no `more`), the reader has seen up to here. */
  readonly revision: number;
  readonly more: boolean;
}
export interface CompactRequest {
  readonly revision: number;
}
export interface EtcdStatus {
  readonly revision: number;
  /** Reads below it answer Expired. */
  readonly compactRevision: number;
  readonly keys: number;
  readonly bytes: number;
  readonly durable: boolean;
  /** The log has copies on several servers: a PING to one of them is no proof of having heard everything. */
  readonly replicated: boolean;
}
export interface SnapshotResponse {
  /** On the machine of the facade that answered. */
  readonly file: string;
  readonly revision: number;
  readonly bytes: number;
}
export type EtcdVerb = 'range' | 'put' | 'delete' | 'changes' | 'compact' | 'status' | 'snapshot';

/** The first key after all that begin with `prefix`; etcd's clientv3.GetPrefixRangeEnd. */
export function prefixEnd(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
