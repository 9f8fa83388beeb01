import { keyOf, type KubeObject } from '../../schemas/meta/object.ts';

/** The values an object is found under in an index; an index function must depend on nothing but the object. */
export type IndexFunction<T extends KubeObject> = (object: T) => readonly string[];

/** Objects by key (`namespace/name`) with indexes beside: an informer's cache. Iteration is in order of first arrival. */
export class Store<T extends KubeObject> {
  private readonly objects = new Map<string, T>();
  private readonly indexes = new Map<
    string,
    { readonly of: IndexFunction<T>; readonly values: Map<string, Map<string, T>> }
  >();

  get size(): number {
    return this.objects.size;
  }
  get(key: string): T | undefined {
    return this.objects.get(key);
  }
  all(): Iterable<T> {
    return this.objects.values();
  }
  entries(): Iterable<[string, T]> {
    return this.objects.entries();
  }
  /** Adds an index over what is and what comes; adding the same name again changes nothing. */
  addIndex(name: string, of: IndexFunction<T>): void {
    if (this.indexes.has(name)) return;
    const index = { of, values: new Map<string, Map<string, T>>() };
    this.indexes.set(name, index);
    for (const [key, object] of this.objects) for (const value of of(object)) put(index.values, value, key, object);
  }
  /** Objects filed under `value`, in order of first arrival there. */
  byIndex(name: string, value: string): Iterable<T> {
    const index = this.indexes.get(name);
    if (!index) throw new Error(`no index '${name}'`);
    return index.values.get(value)?.values() ?? [];
  }
  /** Stores the object and returns what it replaces. */
  set(object: T, key = keyOf(object)): T | undefined {
    const old = this.objects.get(key);
    this.objects.set(key, object);
    for (const { of, values } of this.indexes.values()) {
      const now = of(object);
      if (old) for (const value of of(old)) if (!now.includes(value)) drop(values, value, key);
      for (const value of now) put(values, value, key, object);
    }
    return old;
  }
  delete(key: string): T | undefined {
    const old = this.objects.get(key);
    if (!old) return undefined;
    this.objects.delete(key);
    for (const { of, values } of this.indexes.values()) for (const value of of(old)) drop(values, value, key);
    return old;
  }
}
function put<T>(values: Map<string, Map<string, T>>, value: string, key: string, object: T): void {
  const bucket = values.get(value);
  if (bucket) bucket.set(key, object);
  else values.set(value, new Map([[key, object]]));
}
function drop<T>(values: Map<string, Map<string, T>>, value: string, key: string): void {
  const bucket = values.get(value);
  if (!bucket?.delete(key)) return;
  if (bucket.size === 0) values.delete(value);
}

/** Indexes that most components share. */
export const BY_NAMESPACE = 'namespace';
export const BY_CONTROLLER = 'controllerUid';
export const BY_NODE = 'nodeName';
export const byNamespace: IndexFunction<KubeObject> = (o) => (o.metadata.namespace ? [o.metadata.namespace] : []);
/** Under the uid of the managing controller, or under `orphan/<namespace>` when none manages it. */
export const byController: IndexFunction<KubeObject> = (o) => {
  const controller = o.metadata.ownerReferences?.find((owner) => owner.controller === true);
  return [controller ? controller.uid : orphansOf(o.metadata.namespace)];
};
const orphansOf = (namespace: string | undefined): string => `orphan/${namespace ?? ''}`;
/** What an object manages, then whatever nobody manages in its namespace; needs the index BY_CONTROLLER. */
export function* ownOrOrphaned<T>(
  of: { byIndex(name: string, value: string): Iterable<T> },
  { metadata: { namespace, uid } }: KubeObject,
): Iterable<T> {
  yield* of.byIndex(BY_CONTROLLER, uid!);
  yield* of.byIndex(BY_CONTROLLER, orphansOf(namespace));
}
export const byNode: IndexFunction<KubeObject> = (o) => {
  const node = (o as { spec?: { nodeName?: string } }).spec?.nodeName;
  return node ? [node] : [];
};
