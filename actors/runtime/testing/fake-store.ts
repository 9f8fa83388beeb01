import type { World } from '../../../bus/world.ts';
import { keyOf, type DynamicObject, type GroupVersionResource, type WatchEvent } from '../../../schemas/meta/object.ts';
import { ApiError, type StatusReason } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { DeleteCallOptions, ListOptions, WatchOptions } from '../api-client.ts';
import { selects } from './selection.ts';

/** One open watch. */
export interface Watch {
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

/** Subresources that write one part of the object. */
const PARTS: Readonly<Record<string, string>> = { status: 'status', approval: 'status', finalize: 'spec' };

export const problem = (reason: StatusReason, r: Resource, name: string, text: string): ApiError =>
  new ApiError(reason, `${r.resource} "${name}" ${text}`, { details: { name, kind: r.resource, group: r.group } });

/** What FakeApi keeps, and the rules by which it changes. */
export function fakeStore(world: World, registry: Registry) {
  const stored = new Map<string, Map<string, DynamicObject>>();
  const watches = new Set<Watch>();
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
    if (is) return { type: was ? 'MODIFIED' : 'ADDED', object: c.object };
    if (!was) return undefined;
    const last = c.object ? { ...c.old, metadata: { ...c.old.metadata, resourceVersion: String(c.revision) } } : c.old;
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
    const part = PARTS[subresource ?? ''];
    const next: DynamicObject =
      part !== undefined
        ? { ...old, [part]: draft[part] }
        : { ...draft, metadata: { ...draft.metadata, uid: meta.uid, creationTimestamp: meta.creationTimestamp, deletionTimestamp: meta.deletionTimestamp, deletionGracePeriodSeconds: meta.deletionGracePeriodSeconds, generation: meta.generation }, ...(r.subresources.has('status') ? { status: old['status'] } : {}) }; // prettier-ignore
    // The status of some takes their annotations along. Source: statusStrategy of pkg/registry/apps/deployment and others.
    if (subresource === 'status' && ['deployments', 'persistentvolumeclaims'].includes(r.resource))
      next.metadata = { ...meta, annotations: draft.metadata.annotations };
    // That of services takes all: controllers of load balancers set their finalizer by it.
    if (subresource === 'status' && r.resource === 'services')
      next.metadata = { ...meta, finalizers: draft.metadata.finalizers };
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
  return {
    watches,
    bucket,
    resourceOf,
    commit,
    write,
    remove,
    find,
    listed,
    revision: () => revision,
    /** Changes after a revision that a watch would see; throws when they are forgotten. */
    since(r: Resource, o: WatchOptions, from: number): WatchEvent[] {
      if (from < floor) throw new ApiError('Expired', `too old resource version: ${from} (${floor})`);
      return history.filter((c) => c.revision > from).flatMap((c) => eventOf(r, o, c) ?? []);
    },
    compact(): void {
      floor = revision;
      history = [];
    },
  };
}

/** JSON without undefined fields and with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
  );
}
