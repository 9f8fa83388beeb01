import type { World } from '../../../bus/world.ts';
import {
  apiVersionOf,
  keyOf,
  type DynamicObject,
  type GroupVersionResource,
  type KubeObject,
  type WatchEvent,
} from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { generatedName, NAME_END_LENGTH } from '../../../schemas/meta/names.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { applyJsonPatch } from '../../../schemas/patch/json-patch.ts';
import { applyMergePatch } from '../../../schemas/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../../schemas/patch/strategic-merge.ts';
import { builtinSchemas, createRegistry } from '../../../schemas/registry.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { ApiClient, CallOptions, ListOptions, WatchOptions } from '../api-client.ts';
import { INITIAL_EVENTS_END } from '../client.ts';
import { namespaces } from '../resources.ts';
import { fakeStore, problem, type Watch } from './fake-store.ts';

export interface FakeCall {
  readonly caller: string;
  readonly verb: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly object?: unknown;
}
/** An API server small enough for a test: one Map, revisions, watches, finalizers, graceful deletion; no admission. */
export interface FakeApi {
  client(caller?: string): ApiClient;
  readonly registry: Registry;
  readonly revision: number;
  /** Objects of a resource, as they are stored now. */
  objects<T extends KubeObject>(gvr: GroupVersionResource, namespace?: string): T[];
  object<T extends KubeObject>(gvr: GroupVersionResource, key: string): T | undefined;
  /** All writes and reads so far, in order. */
  readonly calls: FakeCall[];
  /** Called before each call; what it throws is the answer. */
  intercept: ((call: FakeCall) => void | Promise<void>) | undefined;
  /** Ends all watches as a dying server would; `status` undefined: without a word. */
  closeWatches(error?: Error): void;
  /** Forgets history: watches from an older revision answer 410. */
  compact(): void;
  readonly openWatches: number;
}
export function fakeApi(world: World, registry: Registry = createRegistry()): FakeApi {
  const store = fakeStore(world, registry);
  const { watches, bucket, resourceOf, commit, write, remove, find, listed } = store;
  const calls: FakeCall[] = [];

  function client(caller = 'test'): ApiClient {
    async function enter(verb: string, gvr: GroupVersionResource, namespace: string | undefined, name: string | undefined, o: CallOptions, object?: unknown): Promise<Resource> {
      o.signal?.throwIfAborted();
      const resource = o.subresource ? `${gvr.resource}/${o.subresource}` : gvr.resource;
      const call: FakeCall = { caller, verb, resource, namespace: namespace ?? '', name: name ?? '', object };
      calls.push(call);
      await api.intercept?.(call);
      // As long as a bus needs, counted in microtasks: never answered within the caller's own turn.
      await Promise.resolve();
      return resourceOf(gvr);
    } // prettier-ignore
    return {
      caller,
      async get<T extends KubeObject>(
        gvr: GroupVersionResource,
        name: string,
        namespace?: string,
        o: CallOptions = {},
      ) {
        const r = await enter('get', gvr, namespace, name, o);
        return find(r, namespace, name)[1] as unknown as T;
      },
      async list<T extends KubeObject>(gvr: GroupVersionResource, o: ListOptions = {}) {
        const r = await enter('list', gvr, o.namespace, '', o);
        const items = listed(r, o) as unknown as T[];
        return {
          apiVersion: apiVersionOf(r),
          kind: r.listKind,
          metadata: { resourceVersion: String(store.revision()) },
          items,
        };
      },
      async create<T extends KubeObject>(gvr: GroupVersionResource, object: T, o: CallOptions & { name?: string | undefined; namespace?: string | undefined; nameEnd?: string | undefined } = {}) {
        const namespace = o.namespace ?? object.metadata?.namespace;
        const r = await enter('create', gvr, namespace, o.name ?? object.metadata?.name, o, object);
        if (o.subresource === 'binding' || o.subresource === 'eviction') {
          const [key, pod] = find(r, namespace, o.name ?? object.metadata.name!);
          if (o.subresource === 'eviction') remove(r, key, pod, {});
          else commit(r, key, { ...pod, spec: { ...(pod['spec'] as object), nodeName: (object as unknown as { target: { name: string } }).target.name } });
          return object;
        }
        const name = object.metadata.name ?? generatedName(object.metadata.generateName ?? '', o.nameEnd ?? world.ids.suffix(NAME_END_LENGTH));
        const made = structuredClone(object) as unknown as DynamicObject;
        made.apiVersion = apiVersionOf(r);
        made.kind = r.kind;
        made.metadata = { ...made.metadata, name, uid: world.ids.uuid(), creationTimestamp: formatTime(world.clock.now()), ...(r.subresources.has('status') && { generation: 1 }) };
        if (r.namespaced) made.metadata.namespace = namespace ?? 'default';
        if (r.resource === 'namespaces') { made['spec'] ??= { finalizers: ['kubernetes'] }; made['status'] ??= { phase: 'Active' }; }
        if (r.resource === 'pods') made['status'] ??= { phase: 'Pending' };
        const key = keyOf(made);
        if (bucket(r).has(key)) throw problem('AlreadyExists', r, name, 'already exists');
        if (r.namespaced) {
          const ns = bucket(resourceOf(namespaces)).get(made.metadata.namespace!);
          if (ns?.metadata.deletionTimestamp)
            throw new ApiError('Forbidden', `${r.resource} "${name}" is forbidden: unable to create new content in namespace ${ns.metadata.name} because it is being terminated`, { details: { causes: [{ reason: 'NamespaceTerminating', message: '', field: 'metadata.namespace' }] } });
        }
        return commit(r, key, made) as unknown as T;
      }, // prettier-ignore
      async update<T extends KubeObject>(gvr: GroupVersionResource, object: T, o: CallOptions = {}) {
        const { namespace, name } = object.metadata;
        const r = await enter('update', gvr, namespace, name, o, object);
        const [, old] = find(r, namespace, name!);
        return write(r, old, structuredClone(object) as unknown as DynamicObject, o.subresource) as unknown as T;
      },
      async patch<T extends KubeObject>(gvr: GroupVersionResource, name: string, namespace: string | undefined, type: string, patch: unknown, o: CallOptions = {}) {
        const r = await enter('patch', gvr, namespace, name, o, patch);
        const [, old] = find(r, namespace, name);
        const next =
          type === 'json' ? applyJsonPatch(old, patch)
          : type === 'strategic' ? applyStrategicMergePatch(old, patch, r.schema, builtinSchemas)
          : applyMergePatch(old, patch);
        return write(r, old, next as DynamicObject, o.subresource) as unknown as T;
      }, // prettier-ignore
      async delete(gvr, name, namespace, o = {}) {
        const r = await enter('delete', gvr, namespace, name, o, o.propagationPolicy);
        remove(r, ...find(r, namespace, name), o);
      },
      async deleteCollection(gvr, namespace, o = {}) {
        const r = await enter('deletecollection', gvr, namespace, '', o);
        for (const object of listed(r, { ...o, namespace })) remove(r, keyOf(object), object, o);
      },
      watch<T extends KubeObject>(gvr: GroupVersionResource, o: WatchOptions = {}) {
        return watching(resourceOf(gvr), o, () => enter('watch', gvr, o.namespace, '', o)) as AsyncIterable<readonly WatchEvent<T>[]>;
      }, // prettier-ignore
    };
  }
  async function* watching(r: Resource, o: WatchOptions, enter: () => Promise<unknown>): AsyncGenerator<WatchEvent[]> {
    await enter();
    const from = o.resourceVersion === undefined ? undefined : Number(o.resourceVersion);
    let pending: WatchEvent[] = [];
    let end: { readonly error: Error | undefined } | undefined;
    let wake: (() => void) | undefined;
    const bookmark = { apiVersion: apiVersionOf(r), kind: r.kind, metadata: { resourceVersion: String(store.revision()), annotations: { [INITIAL_EVENTS_END]: 'true' } } }; // prettier-ignore
    if (from === undefined)
      pending = [
        ...listed(r, o).map((object): WatchEvent => ({ type: 'ADDED', object })),
        { type: 'BOOKMARK', object: bookmark },
      ];
    else pending = store.since(r, o, from);
    const w: Watch = {
      resource: r,
      options: o,
      push: (events) => {
        pending.push(...events);
        wake?.();
      },
      fail: (error) => {
        end = { error };
        wake?.();
      },
    };
    const onAbort = (): void => w.fail(o.signal!.reason as Error);
    o.signal?.addEventListener('abort', onAbort, { once: true });
    watches.add(w);
    try {
      o.onOpen?.();
      while (true) {
        if (end?.error) throw end.error;
        if (end) return;
        const batch = pending;
        pending = [];
        if (batch.length > 0) yield batch;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      watches.delete(w);
      o.signal?.removeEventListener('abort', onAbort);
    }
  }

  const api: FakeApi = {
    client,
    registry,
    calls,
    intercept: undefined,
    get revision() {
      return store.revision();
    },
    get openWatches() {
      return watches.size;
    },
    objects: <T extends KubeObject>(gvr: GroupVersionResource, namespace?: string) =>
      listed(resourceOf(gvr), { namespace }) as unknown as T[],
    object: <T extends KubeObject>(gvr: GroupVersionResource, key: string) =>
      bucket(resourceOf(gvr)).get(key) as unknown as T | undefined,
    closeWatches: (error) => {
      for (const w of watches) w.fail(error);
    },
    compact: () => store.compact(),
  };
  return api;
}
