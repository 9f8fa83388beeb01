import { keepCopy, type KeepValue } from '../../bus/kept-values.ts';
import sortedBTree from 'sorted-btree';
import type { LogEntry } from '../../bus/log.ts';
import { compareAnyKeys, compareKeys, hasSurrogate } from './compare.ts';
import { HEADERS } from './headers.ts';
import { History } from './history.ts';
import { asOf, checksum, originOf, type Version } from './version.ts';

/** A CommonJS module: Node hands out its exports, test runners the class itself. */
const BTree: typeof sortedBTree.default = 'default' in sortedBTree ? sortedBTree.default : sortedBTree;

interface Cell {
  newest: Version;
}
/** What the log may drop: entries of `key` below revision `before`. */
export interface Purge {
  readonly key: string;
  readonly before: number;
}
export interface RangeQuery {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
  readonly revision: number;
  /** Stop collecting at this many items or bytes; counting goes on. */
  readonly limit: number;
  readonly maxBytes: number;
  /** Do not go on counting when the page is full. */
  readonly uncounted?: boolean | undefined;
}
export interface RangeResult {
  readonly versions: readonly Version[];
  readonly more: boolean;
  readonly count: number;
}

/**
 * All keys in etcd's order, each with its versions above the compaction floor and the newest one at or below it. Plain
 * data in memory, changed only by apply() in the order of revisions. JetStream's subjects are not in etcd's order and
 * keep no values by revision, hence this.
 */
export class Index {
  /** Everything up to here is in the index. */
  revision = 0;
  /** Reads below it cannot be answered exactly. */
  floor = 0;
  /** Tombstones up to here are gone: an index that ends below it cannot be brought up to date entry by entry. */
  forgotten = 0;
  /** Live keys, and the bytes of all values held. */
  keys = 0;
  bytes = 0;
  /** Entries held; the log holds as many once it is purged. */
  entries = 0;
  readonly history = new History();
  readonly #keep: KeepValue;
  #anyKeys = false;
  readonly #cells = new Map<string, Cell>();
  constructor(keep: KeepValue = keepCopy) {
    this.#keep = keep;
  }
  readonly #compare = (a: string, b: string): number => (this.#anyKeys ? compareAnyKeys(a, b) : compareKeys(a, b));
  readonly #ordered = new BTree<string, Cell>(undefined, this.#compare);
  /** Keys whose newest version is a tombstone, oldest first. */
  readonly #tombstones = new Set<Cell>();

  /** Takes the next entry. The caller sees to the order; revisions left out are gone from the log (see hole()). */
  apply(entry: LogEntry): Version {
    const { revision, key, headers } = entry;
    if (revision <= this.revision) throw new RangeError(`revision ${revision} after ${this.revision}`);
    if (revision > this.revision + 1) this.hole(revision - 1);
    const cell = this.#cells.get(key);
    const before = cell?.newest;
    const value = entry.value && this.#keep(revision, entry.value);
    const { time } = entry;
    const ttl = headers[HEADERS.ttlMs];
    const version: Version = {
      key: before?.key ?? key,
      revision,
      ...originOf(revision, value, before, headers[HEADERS.origin]),
      value,
      time,
      expiresAt: ttl === undefined || value === undefined ? 0 : time + Number(ttl),
      lease: value === undefined ? undefined : headers[HEADERS.lease],
      id: entry.id,
      older: before,
      sum: 0,
    };
    version.sum = (this.history.sum + checksum(version)) >>> 0;
    this.revision = revision;
    this.#insert(cell, version);
    this.history.push(version);
    return version;
  }

  /** Says that no entry up to `revision` is left in the log: what was there cannot be told exactly any more. */
  hole(revision: number): void {
    if (revision <= this.revision) return;
    this.revision = revision;
    this.floor = Math.max(this.floor, revision);
  }

  /** Versions of a snapshot, oldest first per key; then `restored`. */
  restore(version: Version): void {
    const cell = this.#cells.get(version.key);
    version.older = cell?.newest;
    this.#insert(cell, version);
  }
  restored(at: { revision: number; floor: number; forgotten: number }): void {
    const recent: Version[] = [];
    const tombstones = [...this.#tombstones].sort((a, b) => a.newest.revision - b.newest.revision);
    this.#tombstones.clear();
    for (const cell of tombstones) this.#tombstones.add(cell);
    for (const { newest } of this.#cells.values())
      for (let v: Version | undefined = newest; v !== undefined && v.revision > at.floor; v = v.older) recent.push(v);
    recent.sort((a, b) => a.revision - b.revision);
    for (const version of recent) {
      version.sum = (this.history.sum + checksum(version)) >>> 0;
      this.history.push(version);
    }
    ({ revision: this.revision, floor: this.floor, forgotten: this.forgotten } = at);
  }

  /** The newest version of the key, a tombstone included. */
  newest(key: string): Version | undefined {
    return this.#cells.get(key)?.newest;
  }
  /** What the key was at `revision`, a tombstone included. */
  at(key: string, revision: number): Version | undefined {
    const newest = this.newest(key);
    return newest && asOf(newest, revision);
  }
  /** The newest version if it is not a tombstone. */
  live(key: string): Version | undefined {
    const newest = this.newest(key);
    return newest?.value === undefined ? undefined : newest;
  }

  range({ key, rangeEnd, revision, limit, maxBytes, uncounted }: RangeQuery): RangeResult {
    const versions: Version[] = [];
    let count = 0;
    let bytes = 0;
    let more = false;
    /** True when there is no more to learn. */
    const take = (newest: Version): boolean => {
      const version = asOf(newest, revision);
      if (version?.value === undefined) return false;
      if (!more) {
        bytes += version.value.length + version.key.length;
        if (versions.length >= limit || (bytes > maxBytes && versions.length > 0)) more = true;
        else versions.push(version);
      }
      if (more && uncounted) return true;
      count++;
      return false;
    };
    if (rangeEnd === undefined) {
      const newest = this.newest(key);
      if (newest !== undefined) take(newest);
      return { versions, more, count };
    }
    // etcd: "\0" as the end means every key from `key` on.
    const end = rangeEnd === '\0' ? undefined : rangeEnd;
    for (const [at, cell] of this.#ordered.entries(key)) {
      if (end !== undefined && this.#compare(at, end) >= 0) break;
      if (take(cell.newest)) break;
    }
    return { versions, more, count };
  }

  /** The keys after `key` in order, at most `limit`: a walk that may be interrupted by writes. */
  cellsAfter(key: string | undefined, limit: number): Version[] {
    const found: Version[] = [];
    for (const [at, cell] of this.#ordered.entries(key)) {
      if (at === key) continue;
      found.push(cell.newest);
      if (found.length === limit) break;
    }
    return found;
  }

  /** The write with this id on this key, among its newest versions. */
  written(key: string, id: string): Version | undefined {
    let version = this.newest(key);
    for (let i = 0; i < 64 && version !== undefined; i++, version = version.older)
      if (version.id === id) return version;
    return undefined;
  }

  /** Moves the floor, and the mark below which tombstones go; forget() then drops what is below. */
  raise(floor: number, forgotten: number): void {
    this.floor = Math.max(this.floor, Math.min(floor, this.revision));
    this.forgotten = Math.max(this.forgotten, Math.min(forgotten, this.floor));
  }
  /**
   * Drops at most about `limit` versions that are below the floor. What the log need not hold any more is returned, each
   * key once; nothing when all is dropped.
   */
  forget(limit: number): Purge[] {
    const purges = new Map<string, number>();
    for (const { key } of this.history.dropTo(this.floor, limit)) {
      if (purges.has(key)) continue;
      const kept = this.#cut(key);
      if (kept !== undefined) purges.set(key, kept.revision);
    }
    for (const cell of this.#tombstones) {
      const { key, revision } = cell.newest;
      if (revision > this.forgotten || purges.size >= limit || this.history.reaches(revision)) break;
      this.#tombstones.delete(cell);
      this.#cells.delete(key);
      this.#ordered.delete(key);
      this.entries--;
      purges.set(key, revision + 1);
    }
    return [...purges].map(([key, before]) => ({ key, before }));
  }
  /** True while forget() has something to do. */
  get forgetful(): boolean {
    if (this.history.reaches(this.floor)) return true;
    for (const { newest } of this.#tombstones) return newest.revision <= this.forgotten;
    return false;
  }
  /** Revision of the newest among the oldest tombstones that were written up to `time`; 0 if none. */
  tombstonesUpTo(time: number): number {
    let revision = 0;
    for (const { newest } of this.#tombstones) {
      if (newest.time > time) break;
      ({ revision } = newest);
    }
    return revision;
  }
  /** The oldest version held of a key. */
  oldest(key: string): Version | undefined {
    let version = this.newest(key);
    while (version?.older !== undefined) version = version.older;
    return version;
  }

  /** Checksum of all entries in `(from, to]`; undefined unless every one of them was seen. */
  digest(from: number, to: number): number | undefined {
    if (from < this.floor || to > this.revision) return undefined;
    return (this.history.sumAt(to) - this.history.sumAt(from)) >>> 0;
  }

  /** Drops what the key was below the floor; returns the version that it had at the floor if something was dropped. */
  #cut(key: string): Version | undefined {
    const newest = this.newest(key);
    const kept = newest && asOf(newest, this.floor);
    if (kept === undefined) return undefined;
    kept.id = '';
    if (kept.older === undefined) return undefined;
    for (let gone: Version | undefined = kept.older; gone !== undefined; gone = gone.older) {
      this.entries--;
      this.bytes -= gone.value?.length ?? 0;
    }
    kept.older = undefined;
    return kept;
  }

  #insert(cell: Cell | undefined, version: Version): void {
    const { key, value } = version;
    const wasLive = cell?.newest.value !== undefined;
    this.entries++;
    this.bytes += value?.length ?? 0;
    this.keys += Number(value !== undefined) - Number(wasLive);
    if (cell === undefined) {
      cell = { newest: version };
      this.#anyKeys ||= hasSurrogate(key);
      this.#cells.set(key, cell);
      this.#ordered.set(key, cell);
    } else {
      cell.newest = version;
      this.#tombstones.delete(cell);
    }
    if (value === undefined) this.#tombstones.add(cell);
  }
}
