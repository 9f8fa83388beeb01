import type { Bus, Session } from '../../bus/bus.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import type { Connecting } from '../runtime/streaming/connecting.ts';
import type { World } from '../../bus/world.ts';
import type { DynamicObject } from '../../schemas/meta/object.ts';
import type { Registry, Resource, Subresource } from '../../schemas/resource.ts';
import type { FieldSchema, SchemaSet } from '../../schemas/structural/schema.ts';
import type {
  AdmissionPlugin,
  ApiRequest,
  Authenticator,
  Authorizer,
  PathAnswer,
  PathHandler,
  StorageHook,
  TableRenderer,
  UserInfo,
  VirtualCreate,
} from './request.ts';
import type { SourceOf } from '../runtime/outbound/outbound.ts';
import type { Backend, BackendLocation } from './outbound/backend.ts';
import type { AuditOptions } from './audit/sink.ts';
import type { FlowControl } from './flow-control/index.ts';
import type { Vault } from './encryption/vault.ts';
import type { Metrics } from './metrics/index.ts';
import type { Store } from './store.ts';
import type { Entry, ObjectCodec } from './watch-cache/entry.ts';
import type { WatchCache } from './watch-cache/watch-cache.ts';
import type { WatchEncoding, WatchSink } from './watch-cache/watchers.ts';

/** What every handler works with; one for the process. Plug-in points are filled by actor.ts. */
export interface Core {
  readonly world: World;
  readonly bus: Bus;
  readonly registry: Registry;
  readonly codec: ObjectCodec;
  /** What encrypts values on their way to the store. */
  readonly vault: Vault;
  readonly cache: WatchCache;
  readonly store: Store;
  /** Where the references of a kind's schema lead: to the builtin definitions, or nowhere for custom resources. */
  readonly schemasOf: (of: { readonly schema: FieldSchema }) => SchemaSet;
  /** Whether the resource came by a CustomResourceDefinition. */
  readonly isCustom: (resource: Resource) => boolean;
  /** Resolves when the cache holds everything that was committed before the call. */
  readonly barrier: () => Promise<void>;
  authenticator: Authenticator;
  authorizer: Authorizer;
  /** In kube-apiserver's order. */
  admission: readonly AdmissionPlugin[];
  tables: TableRenderer | undefined;
  readonly metrics: Metrics;
  /** Who has to wait. */
  readonly flow: FlowControl;
  /** What is noted of requests; undefined: nothing. */
  readonly audit: AuditOptions | undefined;
  /** Sends a bookmark to each watch that wants them; called about once a minute. */
  readonly bookmarks: Set<() => void>;
  /** Ends each watch that waits for a version that is not there yet. */
  readonly waiting: Set<() => void>;
  /** The server is leaving: a watch that still finds it is told how far it is, and ended. */
  draining: boolean;
  readonly pathHandlers: PathHandler[];
  /** By which address pods are asked. */
  readonly sourceOf?: SourceOf | undefined;
  /** Reaches what is not a component: pods, endpoints, kubelets at an address. */
  readonly backend: Backend;
  /** Where requests go for what another server serves; undefined while there is no such server. */
  remote: Elsewhere | undefined;
  /** By `<resource>.<group>` or `<resource>/<subresource>.<group>`. */
  readonly virtualCreates: Map<string, VirtualCreate>;
  /** What is worked out for who asks, by verb, in place of what is stored; by storage prefix. */
  readonly computed: ReadonlyMap<string, Readonly<Record<string, Handler>>>;
  /** Claims that go with writes; keyed alike. */
  readonly hooks: Map<string, StorageHook>;
}

/** The body of a request: still bytes (HTTPS), or what the bus has already decoded. */
export type Body =
  | { readonly bytes: Uint8Array; readonly contentType: string }
  | {
      readonly value: unknown;
      /** Nested deeper than may be kept: see schemas/codec/json.ts. */
      readonly deep?: boolean;
    };

/** A request for a resource, looked up and authorized. */
export interface ResourceRequest extends ApiRequest {
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly body: Body | undefined;
  readonly fence: Fence | undefined;
  /** What a generated name ends in; by itself it is drawn. */
  readonly nameEnd?: string | undefined;
  /** How a watch wants its events; doors supply it because only they know the media type. */
  readonly watchEncoding: WatchEncoding | undefined;
  /** Set once its body was decoded: it says empty lists or maps, which rules see and the store loses. */
  saysEmpties?: boolean;
}

/** What a request comes to; the door renders it in the media type that was asked for. */
export type Answer =
  /** A stored object, by its cached bytes. */
  | { readonly type: 'entry'; readonly code: number; readonly resource: Resource; readonly entry: Entry }
  /** An object that no store holds: dry runs, subresources, Status. In the version to answer in. */
  | { readonly type: 'object'; readonly code: number; readonly object: object; readonly resource?: Resource }
  | ListAnswer
  | WatchAnswer
  | StreamAnswer
  | ForwardAnswer
  | ConnectAnswer;
export interface ListAnswer {
  readonly type: 'list';
  readonly resource: Resource;
  readonly entries: readonly Entry[];
  readonly revision: number;
  readonly continue?: string | undefined;
  readonly remaining?: number | undefined;
}
export interface WatchAnswer {
  readonly type: 'watch';
  readonly resource: Resource;
  /** Starts the watch; the returned function stops it. Called in the same tick as the answer is handed over. */
  start(sink: WatchSink): () => void;
}
/** Bytes as a node agent sends them, until it ends the session; undefined: none. */
export interface StreamAnswer {
  readonly type: 'stream';
  readonly contentType: string;
  readonly session: ByteSource | undefined;
}
/** A session with a node agent, or the answer of a kubelet. */
export type ByteSource = Pick<Session, 'frames' | 'close' | 'signal'>;
/** The request goes on to somebody else, and his answer back; the door does it, who holds both ends. */
export interface ForwardAnswer {
  readonly type: 'forward';
  readonly to: BackendLocation;
  /** Not escaped; empty, or begins with a slash. */
  readonly path: string;
  /** Of the URL asked there if not the client's. */
  readonly query?: string;
  /** Only other protocols are spoken there (exec, attach, port-forward). */
  readonly upgradeOnly: boolean;
  /** Which output was asked for, if it is of a process. */
  readonly output?: { readonly stdout: boolean; readonly stderr: boolean };
  /** Reaches it otherwise than by a connection of its own. */
  readonly over?: Backend;
  /** It is the kubelet of a node that is on the bus: who wants to speak another protocol there is joined to it by sessions. */
  readonly node?: string;
  /** It is another API server, which is told by these headers (names and values, alternating) who asks. */
  readonly identity?: readonly string[];
}
/** A connection to a process or to ports of a pod: the door speaks whichever protocol the client asks for. */
export interface ConnectAnswer {
  readonly type: 'connect';
  readonly node: string;
  readonly asks: Connecting;
  /** Where a kubelet is asked that is not on the bus. */
  readonly otherwise: ForwardAnswer;
}
/** undefined: it is served here. */
export type Elsewhere = (
  path: string,
  user: UserInfo,
  query: URLSearchParams,
) => ForwardAnswer | PathAnswer | undefined;
/** What is rendered whole. */
export type WholeAnswer = Exclude<Answer, WatchAnswer | StreamAnswer | ForwardAnswer | ConnectAnswer>;
export type Handler = (core: Core, request: ResourceRequest) => Answer | Promise<Answer>;

/** Who the API server itself is when it reads and writes. Source: apiserver pkg/authentication/user APIServerUser. */
export const SELF: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

export const isDryRun = (request: ApiRequest): boolean =>
  request.query.has('dryRun') && request.query.get('dryRun') !== '';
export type Draft = DynamicObject;
