import type { KubeObject, WatchEvent } from '../../schemas/meta/object.ts';

/** What components and the apiserver say to each other on `kubus.v1.api.<caller>.<verb>.…`: the parts that the subject lacks. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface ApiRequestBody {
  readonly object?: unknown;
  readonly patchType?: PatchType | undefined;
  /** Query parameters as HTTP spells them: labelSelector, fieldSelector, limit, resourceVersion, dryRun, force, ... */
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly impersonate?:
    { readonly user: string; readonly groups?: readonly string[]; readonly uid?: string } | undefined;
  /** Of a watch: objects come as apiVersion, kind and metadata without managedFields and annotations, and nothing else. */
  readonly metadataOnly?: boolean | undefined;
  /** Id of the message that led to this request; ends in the log beside the write. */
  readonly cause?: string | undefined;
  /** Held by elected components: a write of a deposed holder is refused (Conflict). */
  readonly fence?: Fence | undefined;
  /** Of a create with generateName: the name ends in this, and AlreadyExists is the answer where that one is taken. */
  readonly nameEnd?: string | undefined;
}
export interface Fence {
  /** `namespace/name` of the Lease. */
  readonly lease: string;
  readonly holder: string;
  readonly transitions: number;
}
/** An object as the store holds it, and its revision: the reader decodes and sets metadata.resourceVersion. */
export interface Stored {
  readonly value: Uint8Array;
  readonly revision: number;
}
export type ApiReply =
  | { readonly stored: Stored; readonly warnings?: readonly string[] }
  | {
      readonly list: readonly Stored[];
      readonly apiVersion: string;
      readonly kind: string;
      readonly revision: number;
      readonly continue?: string;
      readonly remaining?: number;
    }
  /**
   * What no store of this API server holds: answers of subresources (scale, token, review), a Status, and objects and
   * whole lists of groups that another API server serves.
   */
  | { readonly object: unknown; readonly warnings?: readonly string[] };

/** Frames of a watch session, server to client: all changes of one tick in one frame. */
export type WatchFrame = readonly WatchItem[];
export type WatchItem =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly stored: Stored }
  | { readonly type: 'BOOKMARK'; readonly revision: number; readonly initialEventsEnd?: boolean }
  /** As another API server told it. */
  | { readonly type: WatchEvent['type']; readonly object: KubeObject };
