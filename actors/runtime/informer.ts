import { fromPromise } from 'xstate';
import type { World } from '../../bus/world.ts';
import { keyOf, type GroupVersionResource, type KubeObject, type WatchEvent } from '../../schemas/meta/object.ts';
import { sameJson } from '../../schemas/patch/values.ts';
import type { ApiClient } from './api-client.ts';
import { INITIAL_EVENTS_END } from './client.ts';
import type { Inspection } from './inspection.ts';
import { sharing } from './sharing.ts';
import { startActor } from './start-actor.ts';
import { Store, type IndexFunction } from './store.ts';
import { watchMachine } from './watch-machine.ts';

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}
/** What an informer tells. Objects are shared by all who hear of them: never change one. */
export interface InformerHandler<T extends KubeObject> {
  readonly add?: (object: T) => void;
  readonly update?: (object: T, old: T) => void;
  readonly delete?: (object: T) => void;
  /** After each batch of events was handed to the handlers above (also when it held only a bookmark). */
  readonly batch?: () => void;
}
/** A cache of one resource, kept by a watch, and the news of its changes. */
export interface Informer<T extends KubeObject> {
  readonly gvr: GroupVersionResource;
  /** Resolves when the cache first holds all that the API held. */
  readonly synced: Promise<void>;
  readonly hasSynced: boolean;
  /** All changes of the resource up to this revision are in the cache; 0 before it is synced. */
  readonly revision: number;
  readonly size: number;
  /** By `namespace/name`, or `name` for cluster-scoped resources. */
  get(key: string): T | undefined;
  all(): Iterable<T>;
  byIndex(name: string, value: string): Iterable<T>;
  addIndex(name: string, of: IndexFunction<T>): void;
  /** Hears `add` for each object present at once, then changes; returns what ends it. */
  on(handler: InformerHandler<T>): () => void;
  /** State of its watch chart: `streaming.watching`. */
  state(): string;
  stop(): void;
}

/** Who still holds the version before, as kubelets do, holds no second copy of a spec that is the same in both. */
function shareSpec(object: KubeObject & { spec?: unknown }, before: KubeObject & { readonly spec?: unknown }): void {
  if (object.spec !== before.spec && sameJson(object.spec, before.spec)) object.spec = before.spec;
}

/** Keeps `gvr` in memory by one watch: initial events, then changes; resumes after a lost session, lists again on 410. */
export function createInformer<T extends KubeObject>(o: {
  readonly client: ApiClient;
  readonly world: World;
  readonly gvr: GroupVersionResource;
  readonly selection?: Selection | undefined;
  readonly inspection?: Inspection | undefined;
  /** Objects are fetched and kept as apiVersion, kind and metadata without managedFields and annotations. */
  readonly metadataOnly?: boolean | undefined;
  /** What of each object is kept; default all of it. */
  readonly transform?: ((object: T) => T) | undefined;
}): Informer<T> {
  const { client, world, gvr, selection } = o;
  const log = world.log.child({ informer: gvr.resource });
  const store = new Store<T>();
  const handlers = new Set<InformerHandler<T>>();
  const synced = Promise.withResolvers<void>();
  let hasSynced = false;
  let revision = 0;
  /** Collects the initial events until all have come, so that a list is seen whole or not at all. */
  let listing: Map<string, T> | undefined;

  function guarded<A extends readonly unknown[]>(call: (...args: A) => void, ...args: A): void {
    try {
      call(...args);
    } catch (err) {
      log.error('informer handler failed', { err });
    }
  }
  function tellAdd(object: T): void {
    for (const h of handlers) if (h.add) guarded(h.add, object);
  }
  function tellDelete(object: T): void {
    for (const h of handlers) if (h.delete) guarded(h.delete, object);
  }
  function put(object: T, key: string): void {
    const before = store.get(key);
    if (before !== undefined) shareSpec(object, before);
    const old = store.set(object, key);
    if (old === undefined) tellAdd(object);
    else if (old.metadata.uid === object.metadata.uid)
      for (const h of handlers) {
        if (h.update) guarded(h.update, object, old);
      }
    else {
      tellDelete(old);
      tellAdd(object);
    }
  }
  function remove(key: string, last: T | undefined): void {
    const old = store.delete(key);
    if (old !== undefined) tellDelete(last ?? old);
  }
  function replaceAll(list: Map<string, T>): void {
    for (const [key] of store.entries()) if (!list.has(key)) remove(key, undefined);
    for (const [key, object] of list) {
      const old = store.get(key);
      if (old === undefined || old.metadata.resourceVersion !== object.metadata.resourceVersion) put(object, key);
    }
  }
  function take(event: WatchEvent<T>): 'listed' | undefined {
    const object = o.transform && event.type !== 'BOOKMARK' ? o.transform(event.object) : event.object;
    const at = Number(object.metadata.resourceVersion);
    if (event.type === 'BOOKMARK') {
      if (at > revision && !listing) revision = at;
      if (!listing || object.metadata.annotations?.[INITIAL_EVENTS_END] !== 'true') return undefined;
      replaceAll(listing);
      listing = undefined;
      revision = Math.max(revision, at);
      if (!hasSynced) {
        hasSynced = true;
        synced.resolve();
      }
      return 'listed';
    }
    const key = keyOf(object);
    if (listing) {
      if (event.type === 'DELETED') listing.delete(key);
      else listing.set(key, object);
      return undefined;
    }
    // A resumed watch may repeat what was seen; going back would undo newer changes.
    if (at <= revision) return undefined;
    revision = at;
    if (event.type === 'DELETED') remove(key, object);
    else put(object, key);
    return undefined;
  }

  const machine = sharing(watchMachine).provide({
    actors: {
      stream: fromPromise<void>(async ({ signal }) => {
        const resumed = revision > 0;
        listing = resumed ? undefined : new Map();
        const batches = client.watch<T>(gvr, {
          ...selection,
          metadataOnly: o.metadataOnly,
          ...(resumed && { resourceVersion: String(revision) }),
          signal,
          onOpen: () => watch.send({ type: 'session.opened', resumed }),
        });
        for await (const batch of batches) {
          signal.throwIfAborted();
          for (const event of batch) if (take(event) === 'listed') watch.send({ type: 'initialEvents.ended' });
          for (const h of handlers) if (h.batch) guarded(h.batch);
        }
      }),
    },
    delays: {
      backoff: ({ context }) => Math.min(25 * 2 ** context.failures, 10_000) * (0.5 + world.random() / 2),
    },
    actions: {
      forgetRevision: () => {
        revision = 0;
      },
      logFailure: (_, { error }) => log.debug('watch ended', { err: error }),
    },
  });
  const name = `watch/${gvr.group === '' ? '' : `${gvr.group}/`}${gvr.resource}`;
  const watch = startActor(machine, { world, id: name, machine: 'watch', inspection: o.inspection });

  return {
    gvr,
    synced: synced.promise,
    get hasSynced() {
      return hasSynced;
    },
    get revision() {
      return revision;
    },
    get size() {
      return store.size;
    },
    get: (key) => store.get(key),
    all: () => store.all(),
    byIndex: (index, value) => store.byIndex(index, value),
    addIndex: (index, of) => store.addIndex(index, of),
    on(handler) {
      if (handler.add) for (const object of store.all()) guarded(handler.add, object);
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
    state: () => watch.state(),
    stop: () => {
      watch.send({ type: 'stop' });
      watch.stop();
    },
  };
}

/** One informer per resource and selection, shared by all components of a process that ask for it. */
export interface Informers {
  for<T extends KubeObject>(gvr: GroupVersionResource, selection?: Selection): Informer<T>;
  /** All objects of the resource, of which only apiVersion, kind and metadata may be used; shares what for() keeps. */
  metadata(gvr: GroupVersionResource): Informer<KubeObject>;
  all(): Iterable<Informer<KubeObject>>;
  /** What they read with. */
  readonly client: ApiClient;
  readonly world: World;
  /** Aborted once they are stopped. */
  readonly signal: AbortSignal;
  /** Stops one for all who share it: its resource is no longer served. */
  drop(informer: Informer<KubeObject>): void;
  stop(): void;
}
export function createInformers(client: ApiClient, world: World, inspection?: Inspection): Informers {
  const informers = new Map<string, Informer<KubeObject>>();
  const end = new AbortController();
  const idOf = (gvr: GroupVersionResource, selection: Selection): string =>
    [gvr.group, gvr.version, gvr.resource, selection.namespace, selection.labelSelector, selection.fieldSelector].join(
      '|',
    );
  return {
    client,
    world,
    signal: end.signal,
    metadata(gvr) {
      const whole = informers.get(idOf(gvr, {}));
      if (whole) return whole;
      const id = `metadata|${idOf(gvr, {})}`;
      let informer = informers.get(id);
      if (!informer) {
        informer = createInformer<KubeObject>({ client, world, gvr, inspection, metadataOnly: true });
        informers.set(id, informer);
      }
      return informer;
    },
    for<T extends KubeObject>(gvr: GroupVersionResource, selection: Selection = {}) {
      const id = idOf(gvr, selection);
      let informer = informers.get(id);
      if (!informer) {
        informer = createInformer<KubeObject>({ client, world, gvr, selection, inspection });
        informers.set(id, informer);
      }
      return informer as unknown as Informer<T>;
    },
    all: () => informers.values(),
    drop(informer) {
      informer.stop();
      for (const [id, other] of informers) if (other === informer) informers.delete(id);
    },
    stop() {
      end.abort();
      for (const informer of informers.values()) informer.stop();
      informers.clear();
    },
  };
}
