/**
 * What the inspector's page and its server say to each other: the contract of both. HTTPS, JSON, one origin.
 *
 * | request                  | who        | answer                                                                        |
 * |--------------------------|------------|-------------------------------------------------------------------------------|
 * | `POST /api/login`        | page       | body LoginRequest; sets the session cookie, answers SessionInfo               |
 * | `GET /api/session`       | page       | SessionInfo, or 401                                                           |
 * | `POST /api/logout`       | page       | 204                                                                           |
 * | `GET /api/machines`      | page       | MachineList: every chart, also those of outside programs                      |
 * | `GET /api/actors?...`    | page       | ActorPage, see ActorQuery                                                     |
 * | `GET /api/stream`        | page       | server-sent events; the data of each is one ServerMessage                     |
 * | `PUT /api/follow`        | page       | body FollowRequest; 204                                                       |
 * | `POST /api/commands`     | page       | body Command; CommandResult                                                   |
 * | `WS /stately/out`        | visualizer | frames of `@statelyai/inspect`, see stately-out.ts                            |
 * | `WS /stately/in`         | programs   | likewise, see stately-in.ts                                                   |
 *
 * Every error is a metav1.Status with its HTTP status. All but login wants the session's cookie, or `Authorization:
 * Bearer`, or a client certificate of the cluster. Whatever is not GET must carry the header `Kubus-Console: 1` (which no
 * other origin can send) and, with a body, `Content-Type: application/json`.
 *
 * The page's address carries the one-time code as its fragment, `#code=...`: the page posts it to `/api/login` and clears
 * the fragment (history.replaceState). Without a code, and without a session, it asks for a bearer token.
 */

import type {
  ActorCommand,
  Breakpoint,
  ControlState,
  Step,
  WireActor,
  WireDetail,
} from '../../actors/runtime/inspection-frames.ts';
import type { TrafficRow } from '../../bus/traffic.ts';

// What is told on as the components tell it.
export type { Breakpoint, ControlState, Step };

/** `code`: from the fragment, good once and for ten minutes. `token`: a bearer token that the cluster knows. */
export type LoginRequest = { readonly code: string } | { readonly token: string };
export interface SessionInfo {
  /** The Kubernetes user, `kubernetes-admin`. */
  readonly user: string;
  /** May pause, step, resume, crash and set breakpoints; without, these commands answer 403. */
  readonly canControl: boolean;
  /** Name of the cluster. */
  readonly cluster: string;
}

/** One chart. Drawing it needs nothing else. */
export interface MachineInfo {
  /** `pod`, `key`; of an outside program `<program>/<id of its machine>`. Unique. */
  readonly id: string;
  /** What it is the life of: `a pod on its node`; may be empty. */
  readonly about: string;
  /** `cluster`: one of the product's charts. `external`: of a program that sends `@statelyai/inspect` frames. */
  readonly source: 'cluster' | 'external';
  /** The root state; its `id` is the machine's, its `path` is empty. */
  readonly root: StateInfo;
  readonly transitions: readonly TransitionInfo[];
}
export interface StateInfo {
  /** Unique within the machine: path joined by dots, `tending.initializing`; of the root the empty string. */
  readonly path: string;
  /** The last part: `initializing`. */
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Path of the initial child of a compound state. */
  readonly initial?: string;
  /** What the author wrote about it (`description` of the config). */
  readonly description?: string;
  /** Names of the actions on entry and on exit. */
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** Invoked actors, by id. */
  readonly invokes: readonly string[];
  readonly states: readonly StateInfo[];
}
export interface TransitionInfo {
  /** Path of the state that it leaves; the empty string: of the whole machine, from anywhere. */
  readonly source: string;
  /** Paths of the states that it enters; empty: an internal one, which stays where it is. */
  readonly targets: readonly string[];
  /** The event as XState names it: `pod.deleted`, `xstate.done.actor.sync`, `xstate.after.backoff.key.backingOff`; empty: always. */
  readonly event: string;
  /** For people: `pod.deleted`, `done sync`, `error sync`, `after backoff`, `always`. */
  readonly label: string;
  readonly guard?: string;
  readonly actions: readonly string[];
  readonly description?: string;
}
export interface MachineList {
  readonly machines: readonly MachineInfo[];
}

/** One running component (a replica of one), or an outside program. */
export interface ComponentInfo {
  /** `apiserver`, `controller-manager`, `node-agent`, ...; of an outside program `external`. */
  readonly component: string;
  /** `scheduler-x7k2p`; unique among those of its name. */
  readonly id: string;
  /** State of its life chart, as `kubus status` shows it. */
  readonly state: string;
  /** Whether it answers the inspector: sends counts and takes commands. */
  readonly attached: boolean;
  /** Its name as an end of message flow (see FlowRow) for what is not asked under a name of its own; several may share one. */
  readonly role: string;
}
/** Which actor. */
export interface ActorAddress {
  readonly component: string;
  readonly id: string;
  /** Unique within the component: `replicaset/default/web`, `pod/default/web-x2x`. */
  readonly actor: string;
}
export interface ActorInfo extends ActorAddress, WireActor {}

/** Query parameters of `GET /api/actors`; all optional. */
export interface ActorQuery {
  readonly machine?: string;
  /** A path: actors in it or in a state below it. */
  readonly state?: string;
  readonly component?: string;
  readonly id?: string;
  /** Part of the actor's name; letter case does not matter. */
  readonly text?: string;
  /** `true`: only those paused or with a breakpoint. */
  readonly held?: boolean;
  /** Default 100, at most 500. */
  readonly limit?: number;
  /** From the page before. */
  readonly continue?: string;
}
export interface ActorPage {
  readonly actors: readonly ActorInfo[];
  /** Absent on the last page. */
  readonly continue?: string;
}

/** What this stream wants to hear of one by one: replaces what it asked before. At most 16. */
export interface FollowRequest {
  /** From HelloMessage. */
  readonly stream: string;
  readonly actors: readonly ActorAddress[];
}

/** Answered once the component has done it: 404 no such actor, 403 not allowed, 409 not possible in its mode, 504 no answer. */
export type Command = { readonly target: ActorAddress } & ActorCommand;
export interface CommandResult {
  readonly control: ControlState;
}

/**
 * Messages of `GET /api/stream`, in this order: hello, components, counts with `whole`, then each as it happens; counts,
 * handled and flow at most four times a second. After a reconnect (EventSource does it by itself) all begins anew.
 */
export type ServerMessage =
  | HelloMessage
  | ComponentsMessage
  | MachinesMessage
  | CountsMessage
  | HandledMessage
  | FlowMessage
  | FollowedMessage
  | StepsMessage
  | ControlMessage
  | NoticeMessage;

export interface HelloMessage {
  readonly type: 'hello';
  /** Names this stream in FollowRequest. */
  readonly stream: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly now: number;
  readonly session: SessionInfo;
}
/** All components, whenever one of them changes. */
export interface ComponentsMessage {
  readonly type: 'components';
  readonly components: readonly ComponentInfo[];
}
/** The list of machines has changed (an outside program brought one): get `/api/machines` again. */
export interface MachinesMessage {
  readonly type: 'machines';
}
/**
 * How many actors are in a state: absolute numbers of those cells that have changed, 0 when the last one left. An actor
 * counts in its innermost states alone; sum up for the states above.
 */
export interface CountsMessage {
  readonly type: 'counts';
  /** The rows are all there are: forget what was told before. */
  readonly whole: boolean;
  readonly rows: readonly CountRow[];
}
export interface CountRow {
  readonly component: string;
  readonly id: string;
  readonly machine: string;
  /** Path of an innermost state. */
  readonly state: string;
  readonly count: number;
}
/** Events that charts have handled since the last such message, by type: for the pulse of a transition. */
export interface HandledMessage {
  readonly type: 'handled';
  readonly rows: readonly HandledRow[];
}
export interface HandledRow {
  readonly machine: string;
  /** Path of an innermost state that the actor was in. */
  readonly state: string;
  readonly event: string;
  readonly count: number;
}
/** Messages on the bus since the last such message. */
export interface FlowMessage {
  readonly type: 'flow';
  /** The time that they took. */
  readonly ms: number;
  readonly rows: readonly FlowRow[];
}
/**
 * `from` and `to`: the name under which a component asks the API (`controller:replicaset`, `scheduler`, `kubelet` for all
 * nodes together) where the subject tells it, else the role of the connection (`apiserver`, `etcd`, `workers`, `console`;
 * see ComponentInfo.role) or `nats`, the log.
 */
export type FlowRow = TrafficRow;
/** What a followed actor is now: sent when the following begins, after a restart (all steps are told again), and when it ends. */
export interface FollowedMessage {
  readonly type: 'followed';
  readonly actor: ActorInfo;
  /** Absent: it is over (or its component is gone). */
  readonly detail?: ActorDetail;
}
export interface ActorDetail extends WireDetail {
  /** The last steps before now, oldest first, if they were recorded. */
  readonly steps: readonly Step[];
}
/** Events that a followed actor has handled, oldest first; its context and what it has invoked after the last of them. */
export interface StepsMessage extends WireDetail {
  readonly type: 'steps';
  readonly actor: ActorAddress;
  readonly steps: readonly Step[];
  /** Steps left out because there were too many at once. */
  readonly skipped: number;
}

/** An actor was paused, resumed, ... or its queue has changed (at most four times a second): to all streams. */
export interface ControlMessage {
  readonly type: 'control';
  readonly actor: ActorAddress;
  readonly machine: string;
  readonly states: readonly string[];
  readonly control: ControlState;
}
/** One sentence for people: `scheduler-x7k2p is gone`, `3 actors were resumed: the inspector was not heard for 10 s`. */
export interface NoticeMessage {
  readonly type: 'notice';
  readonly level: 'info' | 'warning';
  readonly text: string;
  readonly ts: number;
}
