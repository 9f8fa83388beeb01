import type { Clock } from '../../../bus/world.ts';
import type { Status } from '../../../schemas/meta/status.ts';
import type { Change, Entry } from './entry.ts';

/** How one kind of watcher (JSON of v1, Table, bus frames, ...) wants its events. `T` is a frame: bytes, or an item. */
export interface WatchEncoding<T = unknown> {
  /** Same encoding, same string: frames are shared by it. */
  readonly id: string;
  /** Takes changes as they are, instead of events. */
  readonly change?: (change: Change) => T;
  event(type: 'ADDED' | 'MODIFIED' | 'DELETED', entry: Entry, revision: number): T;
  /** No change, only how far the watcher is up to date. */
  bookmark(revision: number, initialEventsEnd: boolean): T;
  /** Joins what one tick brought into what is written at once. */
  join(frames: readonly T[]): T;
}
/** Where the frames of one watcher go. */
export interface WatchSink<T = unknown> {
  /** False: the reader lags beyond its limit and is to be dropped. */
  write(frame: T): boolean;
  /** Ends the watch, with the reason if it failed; called once. */
  end(status?: Status): void;
}
/** What a watcher may see; same `id`, same set. */
export interface WatchScope {
  readonly id: string;
  /** Keys begin with it: a namespace, or the whole resource. */
  readonly prefix: string;
  /** The one key, when the watch is for a single name. */
  readonly key?: string | undefined;
  /** Value of a `spec.nodeName=` term: pods of one node. */
  readonly nodeName?: string | undefined;
  /** Selectors; undefined: all below the prefix. */
  readonly matches?: ((entry: Entry) => boolean) | undefined;
}

/**
 * The frame that a change means for a watcher, if any: entering its scope is ADDED, leaving it DELETED with the object as
 * it was. Source: cacher watchCacheEvent conversion.
 */
export function frameOf<T>(scope: WatchScope, encoding: WatchEncoding<T>, change: Change): T | undefined {
  if (encoding.change !== undefined) return encoding.change(change);
  const { entry, old } = change;
  const { matches } = scope;
  const now = entry !== undefined && (matches === undefined || matches(entry));
  const before = old !== undefined && (matches === undefined || matches(old));
  if (!now && !before) return undefined;
  const type = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
  const id = `${type} ${encoding.id}`;
  let frame = change.frames?.get(id) as T | undefined;
  if (frame === undefined) {
    frame = encoding.event(type, now ? entry : old!, change.revision);
    (change.frames ??= new Map()).set(id, frame);
  }
  return frame;
}

/** Watchers that see the same events in the same encoding: each event is judged, encoded and joined once for all. */
export class WatchGroup<T = unknown> {
  readonly scope: WatchScope;
  readonly encoding: WatchEncoding<T>;
  readonly sinks = new Set<WatchSink<T>>();
  #pending: T[] = [];
  constructor(scope: WatchScope, encoding: WatchEncoding<T>) {
    this.scope = scope;
    this.encoding = encoding;
  }
  /** True if this is the first since the last flush. */
  push(change: Change): boolean {
    const frame = frameOf(this.scope, this.encoding, change);
    if (frame === undefined) return false;
    return this.#pending.push(frame) === 1;
  }
  flush(): void {
    if (this.#pending.length === 0) return;
    const frame = this.#pending.length === 1 ? this.#pending[0]! : this.encoding.join(this.#pending);
    this.#pending = [];
    for (const sink of this.sinks) {
      if (!sink.write(frame)) {
        this.sinks.delete(sink);
        sink.end();
      }
    }
  }
}

const add = (map: Map<string, Set<WatchGroup>>, key: string, group: WatchGroup): void => {
  const set = map.get(key);
  if (set) set.add(group);
  else map.set(key, new Set([group]));
};
const drop = (map: Map<string, Set<WatchGroup>>, key: string, group: WatchGroup): void => {
  const set = map.get(key);
  if (set?.delete(group) && set.size === 0) map.delete(key);
};

const LONG_ROUND_MS = 3;
const MAX_PAUSE_MS = 25;

/** The watchers of one resource, found by what an event can tell cheaply: key, namespace, node. */
export class WatcherIndex {
  readonly #groups = new Map<string, WatchGroup>();
  readonly #byPrefix = new Map<string, Set<WatchGroup>>();
  readonly #byKey = new Map<string, Set<WatchGroup>>();
  readonly #byNode = new Map<string, Set<WatchGroup>>();
  readonly #dirty: WatchGroup[] = [];
  #delivered: Change[] = [];
  readonly #clock: Clock;
  #scheduled = false;
  /** Until then nothing is written: what comes meanwhile leaves together. */
  #quietUntil = 0;
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Hands `change` to those who may see it; they are written to once the tick's changes are all in. */
  deliver(prefix: string, change: Change): void {
    if (this.#groups.size === 0) return;
    this.#push(this.#byPrefix.get(prefix), change);
    const slash = change.key.indexOf('/', prefix.length);
    if (slash > 0) this.#push(this.#byPrefix.get(change.key.slice(0, slash + 1)), change);
    this.#push(this.#byKey.get(change.key), change);
    if (this.#byNode.size > 0) {
      const now = nodeOf(change.entry);
      const before = nodeOf(change.old);
      if (now !== undefined) this.#push(this.#byNode.get(now), change);
      if (before !== undefined && before !== now) this.#push(this.#byNode.get(before), change);
    }
  }
  #push(groups: Set<WatchGroup> | undefined, change: Change): void {
    if (groups === undefined) return;
    for (const group of groups) {
      if (change !== this.#delivered.at(-1)) this.#delivered.push(change);
      if (!group.push(change)) continue;
      this.#dirty.push(group);
      if (!this.#scheduled) {
        this.#scheduled = true;
        const wait = this.#quietUntil === 0 ? 0 : this.#quietUntil - this.#clock.now();
        // After all messages of one read of the connection: their events leave in one write per watcher.
        if (wait <= 0) queueMicrotask(this.#onTurn);
        else this.#clock.setTimeout(this.#onTurn, wait);
      }
    }
  }
  /** How many may be told of a change of the object, or of one to be made in the namespace. Those of one node do not count. */
  interestedIn(prefix: string, namespace: string, name: string): number {
    if (this.#groups.size === 0) return 0;
    const inNamespace = namespace === '' ? prefix : `${prefix}${namespace}/`;
    let count = sinksOf(this.#byPrefix.get(prefix));
    if (namespace !== '') count += sinksOf(this.#byPrefix.get(inNamespace));
    if (name !== '' && this.#byKey.size > 0) count += sinksOf(this.#byKey.get(inNamespace + name));
    return count;
  }
  /** For a watcher that catches up from the history. */
  frameFor<T>(scope: WatchScope, encoding: WatchEncoding<T>, change: Change): T | undefined {
    this.#delivered.push(change);
    return frameOf(scope, encoding, change);
  }
  readonly #onTurn = (): void => this.flush();
  /**
   * Writes what is pending. A round that took long is followed by a pause as long: with a thousand watchers, events in
   * quick succession share writes, and requests are served in between.
   */
  flush(): void {
    this.#scheduled = false;
    for (const change of this.#delivered) change.frames = undefined;
    this.#delivered = [];
    if (this.#dirty.length === 0) return;
    const began = this.#clock.now();
    for (const group of this.#dirty.splice(0)) {
      group.flush();
      this.#forget(group);
    }
    const ended = this.#clock.now();
    this.#quietUntil = ended - began < LONG_ROUND_MS ? 0 : ended + Math.min(ended - began, MAX_PAUSE_MS);
  }
  /** Adds a sink to the group of its scope and encoding. The caller has brought it up to date in the same tick. */
  join<T>(scope: WatchScope, encoding: WatchEncoding<T>, sink: WatchSink<T>): () => void {
    const id = `${scope.id} ${encoding.id}`;
    let group = this.#groups.get(id) as WatchGroup<T> | undefined;
    if (group === undefined) {
      group = new WatchGroup(scope, encoding);
      this.#groups.set(id, group);
      this.#place(group, add);
    }
    const joined = group;
    joined.sinks.add(sink);
    return () => {
      joined.sinks.delete(sink);
      this.#forget(joined);
    };
  }
  #place(group: WatchGroup, change: typeof add): void {
    const { key, nodeName, prefix } = group.scope;
    if (key !== undefined) change(this.#byKey, key, group);
    else if (nodeName !== undefined) change(this.#byNode, nodeName, group);
    else change(this.#byPrefix, prefix, group);
  }
  #forget(group: WatchGroup): void {
    const id = `${group.scope.id} ${group.encoding.id}`;
    if (group.sinks.size > 0 || this.#groups.get(id) !== group) return;
    this.#groups.delete(id);
    this.#place(group, drop);
  }
  /** Ends every watch (drain, or a cache that had to be loaded anew). */
  endAll(): void {
    this.flush();
    for (const group of this.#groups.values()) {
      for (const sink of group.sinks) sink.end();
      group.sinks.clear();
      this.#place(group, drop);
    }
    this.#groups.clear();
  }
  get count(): number {
    let n = 0;
    for (const group of this.#groups.values()) n += group.sinks.size;
    return n;
  }
}
function sinksOf(groups: ReadonlySet<WatchGroup> | undefined): number {
  let count = 0;
  if (groups !== undefined) for (const { sinks } of groups) count += sinks.size;
  return count;
}
const nodeOf = (entry: Entry | undefined): string | undefined =>
  entry && ((entry.object['spec'] as { nodeName?: string } | undefined)?.nodeName ?? '');
