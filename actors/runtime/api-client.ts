import type { GroupVersionResource, KubeList, KubeObject, WatchEvent } from '../../schemas/meta/object.ts';
import type { Fence, PatchType } from '../../bus/protocol/api.ts';

/**
 * The Kubernetes API as one caller sees it over the bus; the only way a component changes the cluster.
 * Objects that it answers with are shared, as those of caches are: never change one, copy first. They have no managedFields,
 * and who writes one back leaves those that are there as they are.
 * Every method rejects with an ApiError (see schemas/meta/status.ts). `namespace` is undefined for cluster-scoped
 * resources and for lists over all namespaces.
 */
export interface ApiClient {
  /** `scheduler`, `controller:replicaset`, `node:worker-1`: the caller token of its subjects. */
  readonly caller: string;
  get<T extends KubeObject>(
    gvr: GroupVersionResource,
    name: string,
    namespace?: string,
    options?: CallOptions,
  ): Promise<T>;
  list<T extends KubeObject>(gvr: GroupVersionResource, options?: ListOptions): Promise<KubeList<T>>;
  create<T extends KubeObject>(gvr: GroupVersionResource, object: T, options?: WriteOptions): Promise<T>;
  update<T extends KubeObject>(gvr: GroupVersionResource, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    gvr: GroupVersionResource,
    name: string,
    namespace: string | undefined,
    type: PatchType,
    patch: unknown,
    options?: WriteOptions,
  ): Promise<T>;
  delete(gvr: GroupVersionResource, name: string, namespace?: string, options?: DeleteCallOptions): Promise<void>;
  deleteCollection(
    gvr: GroupVersionResource,
    namespace: string | undefined,
    options?: DeleteCallOptions & ListOptions,
  ): Promise<void>;
  /**
   * Changes after `resourceVersion` (undefined: first ADDED for each present object, then a BOOKMARK annotated
   * `k8s.io/initial-events-end`). Events of one tick come together. Ends, or throws Expired (410): list again.
   */
  watch<T extends KubeObject>(
    gvr: GroupVersionResource,
    options?: WatchOptions,
  ): AsyncIterable<readonly WatchEvent<T>[]>;
}
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** `status`, `scale`, `binding`, ... */
  readonly subresource?: string | undefined;
  /** What else the URL of a read would say after its question mark: of APIs with parameters of their own. */
  readonly query?: Readonly<Record<string, string>> | undefined;
  /** Id of the message that led to this call. */
  readonly cause?: string | undefined;
}
export interface ListOptions extends CallOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number | undefined;
  readonly continue?: string | undefined;
  readonly resourceVersion?: string | undefined;
}
export interface WatchOptions extends CallOptions {
  /** Called once the server has accepted the watch, before its first event. */
  readonly onOpen?: (() => void) | undefined;
  /** Objects come as apiVersion, kind and metadata without managedFields and annotations; for who keeps account of many. */
  readonly metadataOnly?: boolean | undefined;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly resourceVersion?: string | undefined;
}
export interface WriteOptions extends CallOptions {
  /** Target of a create through a subresource (`pods/x/binding`, `pods/x/eviction`). */
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly fieldManager?: string | undefined;
  readonly force?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Of a create with generateName: what its name ends in, so that who asks again asks for the same object. */
  readonly nameEnd?: string | undefined;
  readonly fence?: Fence | undefined;
}
export interface DeleteCallOptions extends CallOptions {
  readonly gracePeriodSeconds?: number | undefined;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined;
  readonly fence?: Fence | undefined;
}
