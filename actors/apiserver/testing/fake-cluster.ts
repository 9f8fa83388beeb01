import { simulate, type Simulation } from '../../../bus/memory/simulation.ts';
import type { World } from '../../../bus/world.ts';
import type { DynamicObject, GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { Claims } from '../allocation/context.ts';
import type { Outbound } from '../../runtime/outbound/outbound.ts';
import type { AdmissionAttributes, CacheReader, Loopback, Operation, UserInfo } from '../request.ts';

type Listener = (object: DynamicObject | undefined, old: DynamicObject | undefined) => void;

/** A cluster without a server: objects in a map, read as the watch cache is read and written as by the loopback. */
export interface FakeCluster {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly loopback: Loopback;
  readonly world: World;
  readonly simulation: Simulation;
  /** Nobody answers. */
  readonly outbound: Outbound;
  readonly claims: Claims & { readonly keys: ReadonlyMap<string, string> };
  /** Puts an object there as if someone had written it. */
  put(object: object): DynamicObject;
  remove(gvr: GroupVersionResource, namespace: string, name: string): void;
  resource(group: string, resource: string, version?: string): Resource;
  /** Writes that the loopback was asked for, `create configmaps default/a`. */
  readonly writes: string[];
}

export function fakeCluster(seed = 1): FakeCluster {
  const registry = createRegistry();
  const simulation = simulate(seed);
  const world = simulation.world('apiserver');
  const tables = new Map<Resource, Map<string, DynamicObject>>();
  const listeners = new Map<Resource, Set<Listener>>();
  const writes: string[] = [];
  const keys = new Map<string, string>();
  let revision = 0;

  const resource = (group: string, name: string, version = 'v1'): Resource => {
    const found = registry.lookup({ group, version, resource: name });
    if (found === undefined) throw new Error(`no ${name} in ${group}/${version}`);
    return found;
  };
  const table = (r: Resource): Map<string, DynamicObject> => {
    let found = tables.get(r);
    if (found === undefined) tables.set(r, (found = new Map()));
    return found;
  };
  const keyOf = (namespace: string | undefined, name: string | undefined): string => `${namespace ?? ''}/${name ?? ''}`;
  const store = (r: Resource, object: KubeObject): DynamicObject => {
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    const old = table(r).get(key);
    const stored = structuredClone(object) as DynamicObject;
    stored.metadata.uid ??= old?.metadata.uid ?? world.ids.uuid();
    stored.metadata.creationTimestamp ??= old?.metadata.creationTimestamp ?? formatTime(world.clock.now());
    stored.metadata.resourceVersion = String(++revision);
    table(r).set(key, stored);
    for (const listener of listeners.get(r) ?? []) listener(stored, old);
    return stored;
  };
  const remove = (r: Resource, namespace: string, name: string): boolean => {
    const old = table(r).get(keyOf(namespace, name));
    if (old === undefined) return false;
    table(r).delete(keyOf(namespace, name));
    for (const listener of listeners.get(r) ?? []) listener(undefined, old);
    return true;
  };
  const error = (reason: 'AlreadyExists' | 'NotFound' | 'Conflict', name: string): ApiError =>
    new ApiError(reason, name);
  const note = (verb: string, r: Resource, o: KubeObject): void =>
    void writes.push(`${verb} ${r.resource} ${keyOf(o.metadata.namespace, o.metadata.name)}`);
  const writer: Loopback = {
    async create<T extends KubeObject>(r: Resource, object: T) {
      await Promise.resolve();
      note('create', r, object);
      if (table(r).has(keyOf(object.metadata.namespace, object.metadata.name)))
        throw error('AlreadyExists', object.metadata.name ?? '');
      return store(r, object) as unknown as T;
    },
    async update<T extends KubeObject>(r: Resource, object: T) {
      await Promise.resolve();
      note('update', r, object);
      const old = table(r).get(keyOf(object.metadata.namespace, object.metadata.name));
      if (old === undefined) throw error('NotFound', object.metadata.name ?? '');
      if (object.metadata.resourceVersion && object.metadata.resourceVersion !== old.metadata.resourceVersion)
        throw error('Conflict', object.metadata.name ?? '');
      return store(r, object) as unknown as T;
    },
    async delete(r, namespace, name) {
      await Promise.resolve();
      if (!remove(r, namespace, name)) throw error('NotFound', name);
    },
    // Lays the configuration over the object, field by field at the top.
    apply<T extends KubeObject>(r: Resource, config: KubeObject) {
      const old = table(r).get(keyOf(config.metadata.namespace, config.metadata.name));
      return writer.update(r, {
        ...old,
        ...config,
        metadata: { ...old?.metadata, ...config.metadata },
      } as unknown as T);
    },
    as: () => writer,
  };
  return {
    registry,
    world,
    simulation,
    writes,
    resource,
    outbound: () => Promise.reject(new Error('nobody answers here')),
    cache: {
      get: <T extends KubeObject>(r: Resource, namespace: string, name: string) =>
        table(r).get(keyOf(namespace, name)) as T | undefined,
      *list<T extends KubeObject>(r: Resource, namespace?: string) {
        for (const o of table(r).values())
          if (namespace === undefined || o.metadata.namespace === namespace) yield o as unknown as T;
      },
      onChange(r, listener) {
        const set = listeners.get(r) ?? new Set();
        listeners.set(r, set.add(listener));
        return () => set.delete(listener);
      },
    },
    loopback: writer,
    claims: {
      keys,
      async take(key, value, isLeftover) {
        await Promise.resolve();
        const present = keys.get(key);
        if (present !== undefined && !isLeftover(present)) return false;
        keys.set(key, value);
        return true;
      },
      async free(key) {
        await Promise.resolve();
        keys.delete(key);
      },
      list: (prefix) =>
        Promise.resolve([...keys].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value }))),
    },
    put(object) {
      const o = object as KubeObject;
      const slash = o.apiVersion.indexOf('/');
      const [group, version] =
        slash < 0 ? ['', o.apiVersion] : [o.apiVersion.slice(0, slash), o.apiVersion.slice(slash + 1)];
      const r = registry.byKind({ group, version, kind: o.kind });
      if (r === undefined) throw new Error(`no kind ${o.kind} in ${o.apiVersion}`);
      return store(r, o);
    },
    remove(gvr, namespace, name) {
      remove(registry.lookup(gvr)!, namespace, name);
    },
  };
}

export const admin: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };
/** Attributes of a request, as the pipeline hands them to plugins. */
export function attributesOf(
  cluster: FakeCluster,
  operation: Operation,
  object: object,
  more: Partial<Omit<AdmissionAttributes, 'subresource'>> & { readonly subresource?: string } = {},
): AdmissionAttributes {
  const o = object as DynamicObject;
  const slash = o.apiVersion.indexOf('/');
  const resource =
    more.resource ??
    cluster.registry.byKind({
      group: slash < 0 ? '' : o.apiVersion.slice(0, slash),
      version: slash < 0 ? o.apiVersion : o.apiVersion.slice(slash + 1),
      kind: o.kind,
    })!;
  const { subresource, ...rest } = more;
  return {
    operation,
    resource,
    namespace: o.metadata.namespace ?? '',
    name: o.metadata.name ?? '',
    object: operation === 'DELETE' ? undefined : o,
    old: undefined,
    options: {},
    dryRun: false,
    user: admin,
    warnings: [],
    ...rest,
    subresource: subresource === undefined ? undefined : resource.subresources.get(subresource),
  };
}
