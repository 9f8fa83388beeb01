import type { ResourceDefinition } from './define.ts';
import type { GroupVersionKind, GroupVersionResource } from './meta/object.ts';
import type { FieldSchema } from './structural/schema.ts';

/** A served resource: facts and behaviour joined. The only description of a kind that the rest of the product uses. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  /** Plural, as in the URL. */
  readonly resource: string;
  readonly kind: string;
  readonly listKind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: ReadonlySet<string>;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly storageVersionHash: string;
  readonly schema: FieldSchema;
  readonly subresources: ReadonlyMap<string, Subresource>;
  readonly columns: readonly Column[];
  readonly definition: ResourceDefinition;
  /** A warning that goes with every answer about the kind, of custom kinds. */
  readonly deprecation?: string | undefined;
  /** `/registry/pods/`: all keys of the resource begin with it. */
  readonly storagePrefix: string;
  /** The apiVersion objects are stored in: `autoscaling/v2`; convert.ts translates. */
  readonly storageVersion: string;
}
export interface Subresource {
  readonly name: string;
  readonly kind: string;
  readonly verbs: ReadonlySet<string>;
  /** When the body's group/version is not the resource's (Scale, Eviction). */
  readonly responseGroup?: string;
  readonly responseVersion?: string;
}
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly priority: number;
  readonly description?: string;
}
export interface Registry {
  lookup(gvr: GroupVersionResource): Resource | undefined;
  byKind(gvk: GroupVersionKind): Resource | undefined;
  /** All served, in discovery order. */
  all(): readonly Resource[];
  /** Resource whose storage prefix a key lies under. */
  byStorageKey(key: string): Resource | undefined;
  /** Custom resources come and go at run time. */
  add(resource: Resource): void;
  remove(gvr: GroupVersionResource): void;
  /** Both at once, for one definition. */
  change(gone: readonly GroupVersionResource[], come: readonly Resource[]): void;
  /** Called after each change. */
  onChange(listener: () => void): () => void;
}
export const storageKey = (r: Resource, namespace: string, name: string): string =>
  r.namespaced ? `${r.storagePrefix}${namespace}/${name}` : r.storagePrefix + name;
