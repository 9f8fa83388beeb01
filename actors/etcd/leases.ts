import type { Index } from './index.ts';
import type { Version } from './version.ts';

/** Keys of the store itself: nobody outside sees them. */
export const OWN_PREFIX = '/kubus/';
const LEASE_PREFIX = `${OWN_PREFIX}lease/`;
export const leaseKey = (id: string): string => `${LEASE_PREFIX}${id}`;
/** Under which every facade ends a key at this revision: one end comes of it. */
export const expiryId = (revision: number): string => `expiry-${revision}`;
/** The id of the lease whose key this is. */
const leaseOf = (key: string): string | undefined =>
  key.startsWith(LEASE_PREFIX) ? key.slice(LEASE_PREFIX.length) : undefined;

/**
 * etcd's leases. A lease is a key of the store with a time to live, which each sign of life writes anew; the keys that
 * live by it say so in a header, and end with it. Every facade ends them, with the same message ids, so one end comes
 * of it, and none lives on because a process died in between.
 */
export class Leases {
  readonly #end: (key: string, revision: number) => void;
  readonly #keys = new Map<string, Set<string>>();
  readonly #leaseOf = new Map<string, string>();

  /** `end`: deletes the key if its newest revision is this. */
  constructor(end: (key: string, revision: number) => void) {
    this.#end = end;
  }
  clear(): void {
    this.#keys.clear();
    this.#leaseOf.clear();
  }
  /** Of the index that is loaded: no lease is held to be gone before all are known. */
  add(version: Version): void {
    const before = this.#leaseOf.get(version.key);
    if (before !== version.lease) this.#move(version.key, before, version.lease);
  }
  /** Of each entry that comes. */
  follow(version: Version, index: Index): void {
    this.add(version);
    const lease = version.value === undefined ? leaseOf(version.key) : undefined;
    if (lease !== undefined) this.#endKeysOf(lease, index);
    // Written while its lease ended.
    else if (version.lease !== undefined && index.live(leaseKey(version.lease)) === undefined)
      this.#end(version.key, version.revision);
  }
  /** After loading: keys whose lease ended while nobody looked. */
  endOrphans(index: Index): void {
    for (const lease of this.#keys.keys()) if (index.live(leaseKey(lease)) === undefined) this.#endKeysOf(lease, index);
  }
  keysOf(lease: string): readonly string[] {
    return [...(this.#keys.get(lease) ?? [])].sort();
  }

  #endKeysOf(lease: string, index: Index): void {
    for (const key of this.#keys.get(lease) ?? []) {
      const live = index.live(key);
      if (live?.lease === lease) this.#end(key, live.revision);
    }
  }
  #move(key: string, from: string | undefined, to: string | undefined): void {
    if (from !== undefined) {
      const keys = this.#keys.get(from);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(from);
    }
    if (to === undefined) {
      this.#leaseOf.delete(key);
      return;
    }
    this.#leaseOf.set(key, to);
    let keys = this.#keys.get(to);
    if (keys === undefined) this.#keys.set(to, (keys = new Set()));
    keys.add(key);
  }
}
