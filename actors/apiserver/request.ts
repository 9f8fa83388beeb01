import type { PatchType } from '../../bus/protocol/api.ts';
import type { DynamicObject, KubeObject } from '../../schemas/meta/object.ts';
import type { Resource, Subresource } from '../../schemas/resource.ts';

/** The shapes that the stages of the pipeline hand on. Each stage is one file; their order is in pipeline.ts. */

/** authentication.k8s.io UserInfo. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
  /** When the certificate that it showed began to be good, ms. Nobody else is told. */
  readonly certifiedSince?: number | undefined;
}
/** What a request asks for, from its path or subject. Source: apiserver pkg/endpoints/request RequestInfo. */
export interface RequestInfo {
  readonly isResource: boolean;
  /** Path without query, for non-resource requests. */
  readonly path: string;
  /** Verb as authorization sees it; for non-resource requests the lower-case HTTP method. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** `fieldSelector` of lists, watches and collection deletes: nodes may read no more than what concerns them. */
  readonly fieldSelector?: string | undefined;
  /** `labelSelector` of the same; webhooks are told of it. */
  readonly labelSelector?: string | undefined;
}
/** As much of an object's metadata as is noted beside it. */
export interface AboutObject {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | null | undefined;
}
/** What the stages have to say about a request to whoever keeps account of it. */
export interface AuditNotes {
  annotate(key: string, value: string, from?: 'Request'): void;
  /** The object of the body; `print` shows it in the version and order of the wire. */
  asks(metadata: AboutObject | undefined, print: () => unknown): void;
  asksPatch(value: unknown): void;
}
/** A request as every stage after request info sees it, whichever door it came through. */
export interface ApiRequest {
  /** Where it is noted, if it is. */
  readonly audit?: AuditNotes | undefined;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly query: URLSearchParams;
  readonly patchType?: PatchType | undefined;
  /** Becomes the default field manager: the part before `/`. */
  readonly userAgent: string;
  readonly signal: AbortSignal;
  /** Warning header texts; stages append. */
  readonly warnings: string[];
  readonly cause?: string | undefined;
}

export type Decision = {
  readonly allowed: 'yes' | 'no' | 'noOpinion';
  readonly reason: string;
  /** Why somebody who was to be asked had no answer. It may be allowed all the same. */
  readonly error?: string | undefined;
};
export interface Authorizer {
  /** At once, unless somebody elsewhere has to be asked (`authorization/deciding.ts`). Neither throws nor rejects. */
  authorize(user: UserInfo, info: RequestInfo): Decision | Promise<Decision>;
}
/** Something to be said of the credentials that were shown: in the audit log, and to whoever showed them. */
export interface CredentialNote {
  readonly key: string;
  readonly value: string;
  readonly warning?: string | undefined;
}
/** Where it is put; none is made for most. */
export interface CredentialNotes {
  noted?: CredentialNote[] | undefined;
}
/** Credentials of one HTTPS request; undefined: this authenticator has nothing to say; throws Unauthorized on bad ones. */
export interface Credentials {
  readonly bearerToken?: string | undefined;
  /** Verified client certificate's subject. */
  readonly certificate?:
    | {
        readonly commonName: string;
        readonly organizations: readonly string[];
        /** SHA-256 of the certificate in lower-case hex; becomes the credential id of its user. */
        readonly sha256?: string | undefined;
        /** Milliseconds since the epoch. */
        readonly notBeforeMs?: number | undefined;
        /** Milliseconds since the epoch; connections may outlive their certificate. */
        readonly notAfterMs?: number | undefined;
      }
    | undefined;
  /** A certificate was shown that no trusted authority signed, or that is not valid now. */
  readonly refusedCertificate?: boolean | undefined;
  /** Of the URL, unescaped. */
  readonly path?: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly notes?: CredentialNotes | undefined;
}
export interface Authenticator {
  authenticate(credentials: Credentials): Promise<UserInfo | undefined> | UserInfo | undefined;
  /** Whether who shows nothing is somebody depends on the path. */
  readonly looksAtPath?: boolean;
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
/** Source: apiserver pkg/admission Attributes. */
export interface AdmissionAttributes {
  readonly operation: Operation;
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly namespace: string;
  readonly name: string;
  /** Changed in place by mutating plugins; undefined on DELETE. */
  readonly object: DynamicObject | undefined;
  readonly old: DynamicObject | undefined;
  readonly options: Readonly<Record<string, unknown>>;
  readonly dryRun: boolean;
  readonly user: UserInfo;
  readonly warnings: string[];
  /** Aborted when whoever asks is gone. */
  readonly signal?: AbortSignal | undefined;
  /** Notes something for the audit log; `level`: from which one on. */
  readonly annotate?: ((key: string, value: string, level?: 'Request') => void) | undefined;
  /** Made by the first plugin whose parts may be asked twice. */
  reinvocation?: Reinvocation | undefined;
}
/** All that mutates is asked once more, at most, if somebody whose changes others may answer has changed the object. */
export interface Reinvocation {
  round: 0 | 1;
  wanted: boolean;
}
export interface AdmissionPlugin {
  /** As on kube-apiserver's command line: `NamespaceLifecycle`. */
  readonly name: string;
  readonly handles: ReadonlySet<Operation>;
  mutate?(attributes: AdmissionAttributes): Promise<void> | void;
  /** Throws ApiError (Forbidden as a rule; text via `forbiddenAdmission`). */
  validate?(attributes: AdmissionAttributes): Promise<void> | void;
}

/** What authorizers, admission and bootstrap read of the cluster: the apiserver's own watch cache, no barrier. */
export interface CacheReader {
  get<T extends KubeObject = DynamicObject>(resource: Resource, namespace: string, name: string): T | undefined;
  list<T extends KubeObject = DynamicObject>(resource: Resource, namespace?: string): Iterable<T>;
  /** Called for every committed change of the resource, after the cache holds it. `object` undefined: deleted. */
  onChange(
    resource: Resource,
    listener: (object: DynamicObject | undefined, old: DynamicObject | undefined) => void,
  ): () => void;
}
/** Writes that the apiserver makes itself (bootstrap, allocation, quota), past authentication and authorization. */
export interface Loopback {
  create<T extends KubeObject>(resource: Resource, object: T): Promise<T>;
  update<T extends KubeObject>(resource: Resource, object: T, subresource?: string): Promise<T>;
  delete(resource: Resource, namespace: string, name: string): Promise<void>;
  /** Server-side apply that takes every field from its owner. */
  apply<T extends KubeObject>(resource: Resource, config: KubeObject, subresource?: string): Promise<T>;
  /** The same, noted in managedFields under another name. */
  as(manager: string): Loopback;
}

/** A request for anything but a resource (discovery, health, metrics, version, openapi), already authorized. */
export interface PathRequest {
  /** Upper-case HTTP method. */
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly user: UserInfo;
  readonly signal: AbortSignal;
}
export interface PathAnswer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** An object is rendered by content negotiation (JSON, YAML, ...); text and bytes need a Content-Type in `headers`. */
  readonly body: string | Uint8Array | object;
}
/** undefined: not this handler's path. What it throws becomes a Status. */
export type PathHandler = (request: PathRequest) => PathAnswer | Promise<PathAnswer> | undefined;

/** Rows of a meta.k8s.io Table; the pipeline adds the list's metadata. */
export interface TableRenderer {
  /** To be waited for before `columns` is asked. */
  ready(): Promise<void> | undefined;
  /** Same order and count as `objects`. `object` of a row is left to the caller. */
  columns(resource: Resource): readonly object[];
  cells(resource: Resource, object: DynamicObject, now: number): readonly unknown[];
}

/** A create whose logic lives elsewhere and that stores nothing (serviceaccounts/token, reviews): the object to answer. */
export interface VirtualCreate {
  (request: ApiRequest, object: DynamicObject): Promise<DynamicObject> | DynamicObject;
  /** Fills in, in place, what the client left out; before managed fields are noted. */
  readonly defaults?: (object: DynamicObject) => void;
}

/**
 * Claims that go with a write (addresses and ports of services): made after mutating admission and before validation,
 * kept or undone once the outcome is known. In an update `old` is what is stored. Keyed as virtualCreates are.
 */
export interface StorageHook {
  beginCreate?(object: DynamicObject, dryRun: boolean): Promise<Finish> | Finish;
  beginUpdate?(object: DynamicObject, old: DynamicObject, dryRun: boolean): Promise<Finish> | Finish;
  /** After the object is gone for good. */
  afterDelete?(object: DynamicObject): Promise<void> | void;
}
/** Called exactly once: with true when the write was committed, with false when it was refused or failed. */
export type Finish = (committed: boolean) => Promise<void> | void;
