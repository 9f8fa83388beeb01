import type { ObjectMeta } from '../generated/meta-v1.ts';

export type { LabelSelector, ObjectMeta, OwnerReference } from '../generated/meta-v1.ts';

/** Any object of any kind. Objects from a cache, an informer or a watch are shared: never change them, copy first. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}
/** The same, for code that handles fields by name (patches, defaulting, admission). */
export interface DynamicObject extends KubeObject {
  [field: string]: unknown;
}
export interface KubeList<T = KubeObject> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly T[];
}
export interface WatchEvent<T = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}
/** Names a resource: `{ group: 'apps', version: 'v1', resource: 'deployments' }`. */
export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
export const apiVersionOf = (g: { readonly group: string; readonly version: string }): string =>
  g.group === '' ? g.version : `${g.group}/${g.version}`;
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}
/** `namespace/name`, or `name` for cluster-scoped objects: the key of caches and queues. */
export const keyOf = (o: { readonly metadata: ObjectMeta }): string =>
  o.metadata.namespace ? `${o.metadata.namespace}/${o.metadata.name ?? ''}` : (o.metadata.name ?? '');
