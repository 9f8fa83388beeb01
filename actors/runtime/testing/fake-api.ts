import type { World } from '../../../bus/world.ts';
import {
  apiVersionOf,
  keyOf,
  type DynamicObject,
  type GroupVersionResource,
  type KubeObject,
  type WatchEvent,
} from '../../../schemas/meta/object.ts';
import { ApiError, type StatusReason } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { applyJsonPatch } from '../../../schemas/patch/json-patch.ts';
import { applyMergePatch } from '../../../schemas/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../../schemas/patch/strategic-merge.ts';
import { builtinSchemas, createRegistry } from '../../../schemas/registry.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { ApiClient, CallOptions, DeleteCallOptions, ListOptions, WatchOptions } from '../api-client.ts';
import { INITIAL_EVENTS_END } from '../client.ts';
import { selects } from './selection.ts';

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
interface Watch {
  readonly resource: Resource;
  readonly options: WatchOptions;
  readonly push: (events: WatchEvent[]) => void;
  readonly fail: (error: Error | undefined) => void;
}
type Change = {
  readonly revision: number;
  readonly prefix: string;
  readonly object?: DynamicObject;
  readonly old?: DynamicObject;
};

const problem = (reason: StatusReason, r: Resource, name: string, text: string): ApiError =>
  new ApiError(reason, `${r.resource} "${name}" ${text}`, { details: { name, kind: r.resource, group: r.group } });

export function fakeApi(world: World, registry: Registry = createRegistry()): FakeApi {
  const stored = new Map<string, Map<string, DynamicObject>>();
  const watches = new Set<Watch>();
  const calls: FakeCall[] = [];
  let history: Change[] = [];
  let revision = 1;
  let floor = 0;

  const bucket = (r: Resource): Map<string, DynamicObject> => {
    let b = stored.get(r.storagePrefix);
    if (!b) stored.set(r.storagePrefix, (b = new Map()));
    return b;
  };
  function resourceOf(gvr: GroupVersionResource): Resource {
    const r = registry.lookup(gvr);
    if (!r) throw new ApiError('NotFound', 'the server could not find the requested resource');
    return r;
  }
  function commit(r: Resource, key: string, next: DynamicObject | undefined): DynamicObject {
    const b = bucket(r);
    const old = b.get(key);
    revision++;
    let event: DynamicObject;
    if (next) {
      event = { ...next, metadata: { ...next.metadata, resourceVersion: String(revision) } };
      b.set(key, event);
    } else {
      event = { ...old!, metadata: { ...old!.metadata, resourceVersion: String(revision) } };
      b.delete(key);
    }
    const change: Change = {
      revision,
      prefix: r.storagePrefix,
      ...(next ? { object: event } : {}),
      ...(old ? { old: next ? old : event } : {}),
    };
    history.push(change);
    for (const w of watches) {
      const seen = eventOf(w.resource, w.options, change);
      if (seen) w.push([seen]);
    }
    return event;
  }
  function eventOf(r: Resource, o: WatchOptions, c: Change): WatchEvent | undefined {
    if (c.prefix !== r.storagePrefix) return undefined;
    const was = c.old !== undefined && selects(o, c.old);
    const is = c.object !== undefined && selects(o, c.object);
    if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: c.object! };
    if (!was) return undefined;
    const last = c.object
      ? { ...c.old!, metadata: { ...c.old!.metadata, resourceVersion: String(c.revision) } }
      : c.old!;
    return { type: 'DELETED', object: last };
  }
  /** Removes the object if nothing holds it any more. */
  function finish(r: Resource, key: string, o: DynamicObject): boolean {
    if (o.metadata.deletionTimestamp === undefined || (o.metadata.finalizers?.length ?? 0) > 0) return false;
    if ((o.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
    if (r.resource === 'namespaces' && ((o['spec'] as { finalizers?: string[] })?.finalizers?.length ?? 0) > 0)
      return false;
    bucket(r).set(key, o);
    commit(r, key, undefined);
    return true;
  }
  function write(
    r: Resource,
    old: DynamicObject,
    draft: DynamicObject,
    subresource: string | undefined,
  ): DynamicObject {
    const name = old.metadata.name!;
    const { resourceVersion, uid } = draft.metadata;
    if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
      throw problem(
        'Conflict',
        r,
        name,
        'cannot be fulfilled: the object has been modified; please apply your changes to the latest version and try again',
      );
    if (uid && uid !== old.metadata.uid)
      throw problem('Conflict', r, name, 'cannot be fulfilled: Precondition failed: UID');
    const meta = { ...old.metadata };
    const next: DynamicObject =
      subresource === 'status' || subresource === 'finalize'
        ? { ...old, [subresource === 'status' ? 'status' : 'spec']: draft[subresource === 'status' ? 'status' : 'spec'] }
        : { ...draft, metadata: { ...draft.metadata, uid: meta.uid, creationTimestamp: meta.creationTimestamp, deletionTimestamp: meta.deletionTimestamp, deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds, generation: meta.generation }, ...(r.subresources.has('status') ? { status: old['status'] } : {}) }; // prettier-ignore
    // The status of a Deployment takes its annotations along. Source: pkg/registry/apps/deployment strategy.
    if (subresource === 'status' && r.resource === 'deployments')
      next.metadata = { ...meta, annotations: draft.metadata.annotations };
    if (r.subresources.has('status') && JSON.stringify(next['spec']) !== JSON.stringify(old['spec']))
      next.metadata = { ...next.metadata, generation: (meta.generation ?? 0) + 1 };
    const key = keyOf(old);
    next.metadata = { ...next.metadata, resourceVersion: old.metadata.resourceVersion };
    if (canonical(next) === canonical(old)) return old;
    return finish(r, key, next) ? next : commit(r, key, next);
  }
  function remove(r: Resource, key: string, old: DynamicObject, o: DeleteCallOptions): void {
    const { uid, resourceVersion } = o.preconditions ?? {};
    if ((uid && uid !== old.metadata.uid) || (resourceVersion && resourceVersion !== old.metadata.resourceVersion))
      throw problem('Conflict', r, old.metadata.name!, 'cannot be fulfilled: Precondition failed');
    const finalizers = new Set(old.metadata.finalizers);
    if (o.propagationPolicy === 'Foreground') finalizers.add('foregroundDeletion');
    if (o.propagationPolicy === 'Orphan') finalizers.add('orphan');
    if (o.propagationPolicy === 'Background') finalizers.delete('foregroundDeletion');
    const pod = old as unknown as {
      spec?: { nodeName?: string; terminationGracePeriodSeconds?: number };
      status?: { phase?: string };
    };
    const grace =
      r.resource === 'pods' && pod.spec?.nodeName && !['Failed', 'Succeeded'].includes(pod.status?.phase ?? '')
        ? (o.gracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30)
        : 0;
    const before = old.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY;
    if (old.metadata.deletionTimestamp && grace >= before && grace > 0) return;
    const next: DynamicObject = {
      ...old,
      metadata: {
        ...old.metadata,
        finalizers: finalizers.size > 0 ? [...finalizers] : undefined,
        deletionTimestamp: formatTime(world.clock.now() + grace * 1_000),
        deletionGracePeriodSeconds: grace,
      },
    };
    if (r.resource === 'namespaces') next['status'] = { ...(old['status'] as object), phase: 'Terminating' };
    if (!finish(r, key, next)) commit(r, key, next);
  }
  function find(r: Resource, namespace: string | undefined, name: string): [string, DynamicObject] {
    const key = r.namespaced ? `${namespace ?? ''}/${name}` : name;
    const object = bucket(r).get(key);
    if (!object) throw problem('NotFound', r, name, 'not found');
    return [key, object];
  }
  const listed = (r: Resource, o: ListOptions): DynamicObject[] => [...bucket(r).values()].filter((x) => selects(o, x));

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
          metadata: { resourceVersion: String(revision) },
          items,
        };
      },
      async create<T extends KubeObject>(gvr: GroupVersionResource, object: T, o: CallOptions & { name?: string | undefined; namespace?: string | undefined } = {}) {
        const namespace = o.namespace ?? object.metadata?.namespace;
        const r = await enter('create', gvr, namespace, o.name ?? object.metadata?.name, o, object);
        if (o.subresource === 'binding' || o.subresource === 'eviction') {
          const [key, pod] = find(r, namespace, o.name ?? object.metadata.name!);
          if (o.subresource === 'eviction') remove(r, key, pod, {});
          else commit(r, key, { ...pod, spec: { ...(pod['spec'] as object), nodeName: (object as unknown as { target: { name: string } }).target.name } });
          return object;
        }
        const name = object.metadata.name ?? `${object.metadata.generateName ?? ''}${world.ids.suffix(5)}`;
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
          const ns = stored.get('/registry/namespaces/')?.get(made.metadata.namespace!);
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
    if (from !== undefined && from < floor)
      throw new ApiError('Expired', `too old resource version: ${from} (${floor})`);
    let pending: WatchEvent[] = [];
    let end: { readonly error: Error | undefined } | undefined;
    let wake: (() => void) | undefined;
    const bookmark = { apiVersion: apiVersionOf(r), kind: r.kind, metadata: { resourceVersion: String(revision), annotations: { [INITIAL_EVENTS_END]: 'true' } } }; // prettier-ignore
    if (from === undefined)
      pending = [
        ...listed(r, o).map((object): WatchEvent => ({ type: 'ADDED', object })),
        { type: 'BOOKMARK', object: bookmark },
      ];
    else pending = history.filter((c) => c.revision > from).flatMap((c) => eventOf(r, o, c) ?? []);
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
      return revision;
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
    compact: () => {
      floor = revision;
      history = [];
    },
  };
  return api;
}

/** JSON without undefined fields and with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
  );
}
