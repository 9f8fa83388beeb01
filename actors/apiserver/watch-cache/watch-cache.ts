import type { DynamicObject, KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { storageKey, type Registry, type Resource } from '../../../schemas/resource.ts';
import { delay, type Clock } from '../../../bus/world.ts';
import type { CacheReader } from '../request.ts';
import { Entry, type EntryReader } from './entry.ts';
import { ResourceCache, type ChangeListener } from './resource-cache.ts';

/** A committed change as it arrives: from a republished event, a repair, or the initial load. */
export interface Committed {
  readonly revision: number;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}
const LATE_MS = 100;

interface OwnWrite {
  readonly bytes: Uint8Array;
  readonly object: DynamicObject;
}
interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

/** Everything the store holds, in memory, as of `revision`: one for the process. */
export class WatchCache implements CacheReader {
  readonly #reader: EntryReader;
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #resources = new Map<string, ResourceCache>();
  readonly #own = new Map<string, OwnWrite>();
  #waiters: Waiter[] = [];
  #revision = 0;
  #floor = 0;

  constructor(reader: EntryReader, registry: Registry, clock: Clock) {
    this.#reader = reader;
    this.#registry = registry;
    this.#clock = clock;
  }
  /** Someone waits for a revision that does not come. */
  onLate: () => void = () => {};
  /** All changes up to here are in. */
  get revision(): number {
    return this.#revision;
  }
  /** The cache of whatever lies below `prefix`, made on first use. */
  below(prefix: string): ResourceCache {
    let cache = this.#resources.get(prefix);
    if (cache === undefined) {
      cache = this.#cacheOf(prefix, this.#floor);
      this.#resources.set(prefix, cache);
    }
    return cache;
  }
  #cacheOf(prefix: string, floor: number): ResourceCache {
    return new ResourceCache(prefix, floor, this.#clock, () => this.#registry.byStorageKey(`${prefix}_`)?.definition);
  }
  /** A kind that is served from now on: what was before is not known of it. */
  begin(resource: Resource): void {
    const prefix = resource.storagePrefix;
    if (!this.#resources.has(prefix)) this.#resources.set(prefix, this.#cacheOf(prefix, this.#revision));
  }
  of(resource: Resource): ResourceCache {
    return this.#resources.get(resource.storagePrefix) ?? this.below(resource.storagePrefix);
  }
  #ofKey(key: string): ResourceCache {
    // `/registry/pods/...` or `/registry/<group>/<resource>/...`
    const first = key.indexOf('/', 10);
    const second = first < 0 ? -1 : key.indexOf('/', first + 1);
    const known =
      this.#resources.get(key.slice(0, first + 1)) ??
      (second < 0 ? undefined : this.#resources.get(key.slice(0, second + 1)));
    if (known !== undefined) return known;
    const prefix = this.#registry.byStorageKey(key)?.storagePrefix;
    if (prefix !== undefined) return this.below(prefix);
    // Custom resources not registered yet lie below their group, whose name has a dot.
    const grouped = second > 0 && key.slice(0, first).includes('.');
    return this.below(key.slice(0, (grouped ? second : first) + 1));
  }
  entry(resource: Resource, namespace: string, name: string): Entry | undefined {
    return this.of(resource).byKey.get(storageKey(resource, namespace, name));
  }
  /** Before the load and after losing touch for good: everything goes, watchers end. */
  reset(): void {
    for (const cache of this.#resources.values()) cache.watchers.endAll();
    const listeners = [...this.#resources].map(([prefix, cache]) => [prefix, cache.listeners] as const);
    this.#resources.clear();
    for (const [prefix, set] of listeners) for (const l of set) this.below(prefix).listeners.add(l);
  }
  load(key: string, revision: number, createRevision: number, value: Uint8Array): void {
    if (!key.startsWith('/registry/')) return;
    this.#ofKey(key).load(new Entry(this.#reader, key, revision, createRevision, value));
  }
  loaded(revision: number): void {
    this.#floor = revision;
    for (const cache of this.#resources.values()) cache.loadedAt(revision);
    this.#advance(revision);
    for (const cache of this.#resources.values())
      for (const listener of cache.listeners)
        for (const entry of cache.byKey.values()) if (!entry.isSealed) listener(entry.object, undefined);
  }
  /** In order and without gaps: that is the sync's duty. */
  apply({ revision, key, value }: Committed): void {
    if (key.startsWith('/registry/')) {
      const cache = this.#ofKey(key);
      cache.apply(revision, key, value && this.#entryOf(cache, revision, key, value));
    }
    this.#advance(revision);
  }
  #entryOf(cache: ResourceCache, revision: number, key: string, value: Uint8Array): Entry {
    const created = cache.byKey.get(key)?.createRevision ?? revision;
    const own = this.#own.get(key);
    if (own === undefined || !same(own.bytes, value)) return new Entry(this.#reader, key, revision, created, value);
    this.#own.delete(key);
    own.object.metadata.resourceVersion = String(revision);
    // Not what was sent: what came is held once with the store.
    return new Entry(this.#reader, key, revision, created, value, own.object);
  }
  /** A version that the cache itself no longer holds. */
  detached(key: string, revision: number, value: Uint8Array): Entry {
    return new Entry(this.#reader, key, revision, revision, value);
  }
  /** Changes between the last one applied and `revision` concern nobody here. */
  skipTo(revision: number): void {
    if (revision > this.#revision) this.#advance(revision);
  }
  #advance(revision: number): void {
    this.#revision = revision;
    if (this.#waiters.length === 0) return;
    const ready = this.#waiters.filter((w) => w.revision <= revision);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((w) => w.revision > revision);
    for (const waiter of ready) waiter.resolve();
  }
  /**
   * Announces what this process is about to write, so that its own event is not decoded again. `object` becomes shared
   * when the event arrives. Returns how to take it back when the write failed.
   */
  expectOwn(key: string, bytes: Uint8Array, object: DynamicObject): () => void {
    const own = { bytes, object };
    this.#own.set(key, own);
    return () => {
      if (this.#own.get(key) === own) this.#own.delete(key);
    };
  }
  /** Resolves once everything up to `revision` is in; Timeout after `timeoutMs`. */
  async waitFor(revision: number, timeoutMs: number): Promise<void> {
    if (revision <= this.#revision) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter: Waiter = { revision, resolve };
    this.#waiters.push(waiter);
    // An event that is this late may have been lost: the store is asked.
    const early = this.#clock.setTimeout(() => this.onLate(), LATE_MS);
    const timer = new AbortController();
    const late = delay(this.#clock, timeoutMs, timer.signal).then(
      () => true,
      () => false,
    );
    const timedOut = await Promise.race([promise.then(() => false), late]);
    timer.abort();
    this.#clock.clearTimeout(early);
    if (!timedOut) return;
    this.#waiters = this.#waiters.filter((w) => w !== waiter);
    throw tooLarge(revision, this.#revision);
  }

  get<T extends KubeObject = DynamicObject>(resource: Resource, namespace: string, name: string): T | undefined {
    return this.entry(resource, namespace, name)?.object as T | undefined;
  }
  *list<T extends KubeObject = DynamicObject>(resource: Resource, namespace?: string): Iterable<T> {
    const cache = this.of(resource);
    const prefix = namespace !== undefined && resource.namespaced ? `${cache.prefix}${namespace}/` : cache.prefix;
    for (const entry of cache.below(prefix)) yield entry.object as unknown as T;
  }
  onChange(resource: Resource, listener: ChangeListener): () => void {
    const { listeners } = this.of(resource);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }
  /** Lets go what is old, or large and can be read again; called about once a minute. */
  sweep(): void {
    const now = this.#clock.now();
    for (const cache of this.#resources.values()) {
      cache.trim(now);
      if (cache.keeps === 'bytes') cache.forgetObjects();
    }
  }
  endWatches(): void {
    for (const cache of this.#resources.values()) cache.watchers.endAll();
  }
  all(): Iterable<ResourceCache> {
    return this.#resources.values();
  }
}

/** Source: apiserver pkg/storage NewTooLargeResourceVersionError. */
export function tooLarge(wanted: number, current: number): ApiError {
  return new ApiError('Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
