import sorted from 'sorted-btree';
import type { Clock } from '../../../bus/world.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Change, Entry } from './entry.ts';
import { WatcherIndex } from './watchers.ts';

type Definition = Resource['definition'];
type Tree = sorted.default<string, Entry>;
/** A CommonJS module: Node hands over its exports, bundlers and test runners what it exports as default. */
const SortedTree = 'default' in sorted ? sorted.default : sorted;
const visible = (entry: Entry | undefined): Entry | undefined =>
  entry === undefined || entry.isSealed ? undefined : entry;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
/** Changes kept for watches that resume: these many whatever their age, and as many again while they are young. */
const HISTORY = 512;
const MAX_HISTORY = 8192;
const YOUNG_MS = 300_000;
/**
 * Objects that nobody looks at for so long, while others of their kind change, are kept as bytes alone: these are read again
 * in some 20 us, whereas V8 would look through all objects of a large cluster again and again.
 */
const UNUSED_MS = 2000;
/** Frozen views of paged lists kept at once. */
const SNAPSHOTS = 32;

export type ChangeListener = (object: DynamicObject | undefined, old: DynamicObject | undefined) => void;

/** All objects below one storage prefix, in key order, with their recent history and their watchers. */
export class ResourceCache {
  readonly prefix: string;
  readonly byKey = new Map<string, Entry>();
  #sorted = new SortedTree<string, Entry>(undefined, compare);
  readonly #clock: Clock;
  readonly #definition: () => Definition | undefined;
  #trimAt = 2 * HISTORY;
  #lookedThroughAt: number;
  /** Oldest first. */
  #history: Change[] = [];
  /** Changes up to here are no longer (or never were) in the history. */
  #floor: number;
  readonly watchers: WatcherIndex;
  readonly listeners = new Set<ChangeListener>();
  readonly #snapshots = new Map<number, Tree>();
  /** Revision of the newest change below the prefix. */
  revision: number;

  /** `definition` of the kind that lies below the prefix, if it is served now. */
  constructor(prefix: string, floor: number, clock: Clock, definition: () => Definition | undefined) {
    this.#clock = clock;
    this.#definition = definition;
    this.#lookedThroughAt = clock.now();
    this.watchers = new WatcherIndex(clock);
    this.prefix = prefix;
    this.#floor = floor;
    this.revision = floor;
  }
  /** Initial load: no history, no watchers. */
  load(entry: Entry): void {
    this.byKey.set(entry.key, entry);
    this.#sorted.set(entry.key, entry);
  }
  loadedAt(revision: number): void {
    this.#floor = revision;
    this.revision = revision;
  }
  apply(revision: number, key: string, entry: Entry | undefined): void {
    const old = this.byKey.get(key);
    this.revision = revision;
    if (entry === undefined) {
      if (old === undefined) return;
      this.byKey.delete(key);
      this.#sorted.delete(key);
    } else {
      this.byKey.set(key, entry);
      this.#sorted.set(key, entry);
    }
    const [now, before] = [visible(entry), visible(old)];
    const change: Change = { revision, key, entry: now, old: before, time: this.#clock.now(), frames: undefined };
    this.#history.push(change);
    if (this.#history.length >= this.#trimAt) this.trim(change.time);
    if (this.listeners.size > 0) for (const listener of this.listeners) listener(now?.object, before?.object);
    this.watchers.deliver(this.prefix, change);
    old?.forgetObject();
    const { keeps } = this;
    if (keeps === 'bytes') entry?.forgetObject();
    else if (change.time - this.#lookedThroughAt >= UNUSED_MS) {
      this.#lookedThroughAt = change.time;
      if (keeps === 'what is used') for (const each of this.byKey.values()) each.forgetUnused();
    }
  }
  /** Which objects stay beside their bytes. What was made of custom objects, by others even, is known by the object. */
  get keeps(): 'bytes' | 'what is used' | 'all' {
    const definition = this.#definition();
    return definition?.keptEncoded ? 'bytes' : definition?.custom === undefined ? 'what is used' : 'all';
  }
  /** Forgets changes that are too old, or too many. */
  trim(now: number): void {
    const list = this.#history;
    let drop = Math.max(0, list.length - MAX_HISTORY);
    while (list.length - drop > HISTORY && now - list[drop]!.time > YOUNG_MS) drop++;
    if (drop > 0) {
      this.#floor = list[drop - 1]!.revision;
      this.#history = list.slice(drop);
    }
    this.#trimAt = this.#history.length + HISTORY;
  }
  /** Changes after `revision`, oldest first; Expired when some of them are forgotten. */
  since(revision: number): readonly Change[] {
    if (revision < this.#floor) throw new ApiError('Expired', `too old resource version: ${revision} (${this.#floor})`);
    const list = this.#history;
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle]!.revision > revision) high = middle;
      else low = middle + 1;
    }
    return low === 0 ? list : list.slice(low);
  }
  /** Entries whose key begins with `prefix` (a namespace, or all), in key order. */
  below(prefix: string): Entry[] {
    return collect(this.#sorted, prefix, prefix, Number.POSITIVE_INFINITY, undefined).entries;
  }
  get size(): number {
    return this.#sorted.size;
  }
  /** Up to `limit` entries below `prefix` with keys from `from` on, of the present state or of a kept snapshot. */
  page(
    prefix: string,
    from: string,
    limit: number,
    at: number | undefined,
    matches: ((entry: Entry) => boolean) | undefined,
  ): Page | undefined {
    const tree = at === undefined ? this.#sorted : this.#snapshots.get(at);
    return tree && collect(tree, prefix, from, limit, matches);
  }
  /** Keeps the present state readable under `revision`: a copy-on-write clone, so it costs what changes later. */
  keepSnapshot(revision: number): void {
    if (this.#snapshots.has(revision)) return;
    if (this.#snapshots.size >= SNAPSHOTS) {
      const oldest = this.#snapshots.keys().next().value;
      if (oldest !== undefined) this.#snapshots.delete(oldest);
    }
    this.#snapshots.set(revision, this.#sorted.clone());
  }
  /** The kind is served otherwise from now on: nothing that was printed of its objects counts any more. */
  endWatches(): void {
    this.watchers.endAll();
    for (const entry of this.byKey.values()) entry.forgetEncodings();
  }
  /** Who reads one decodes it again. */
  forgetObjects(): void {
    for (const entry of this.byKey.values()) entry.forgetObject();
  }
  dropSnapshots(olderThan: number): void {
    for (const revision of this.#snapshots.keys()) if (revision < olderThan) this.#snapshots.delete(revision);
  }
}

export interface Page {
  readonly entries: Entry[];
  /** Whether keys after the last entry remain, and how many lie below the prefix (matching or not). */
  readonly more: boolean;
  readonly remaining: number;
}
function collect(
  tree: Tree,
  prefix: string,
  from: string,
  limit: number,
  matches: ((entry: Entry) => boolean) | undefined,
): Page {
  const entries: Entry[] = [];
  let remaining = 0;
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  tree.forRange(from, end, false, (_key, entry) => {
    if (entries.length >= limit) remaining++;
    else if (matches === undefined || matches(entry)) entries.push(entry);
  });
  return { entries, more: remaining > 0, remaining };
}
