import type { TrafficRow } from '../../bus/traffic.ts';
import type { Status } from '../../schemas/meta/status.ts';

/** How an actor is held, if it is. */
export interface ControlState {
  /** `resting`: crashed, and waiting for its restart. */
  readonly mode: 'running' | 'paused' | 'resting';
  /** What paused it: `command`, `breakpoint: state tending`, `breakpoint: event pod.deleted`. */
  readonly reason?: string;
  /** Types of the events that wait, oldest first, the first 20 of them. */
  readonly queued: readonly string[];
  /** How many wait. At 1,000 the actor is resumed by itself: events are never dropped. */
  readonly queuedCount: number;
  readonly breakpoints: readonly Breakpoint[];
}
/** Pauses the actor when it enters `state` (a path; also through a child of it), or before it handles an event of type `event`. */
export type Breakpoint = { readonly state: string } | { readonly event: string };

/**
 * Top-level fields of an event or a context, so that nothing secret and nothing large is among them (see summaryOf):
 * numbers and booleans as they are; names (of a key, an object, a node) as they are; of everything else its kind and
 * size alone: `string(120)`, `object(3 fields)`, `list(12)`, `bytes(512)`.
 */
export type Summary = Readonly<Record<string, string | number | boolean | null>>;

/** One event that an actor has handled. */
export interface Step {
  /** Milliseconds since the epoch. */
  readonly ts: number;
  readonly event: string;
  /** What came with the event, without `type`. */
  readonly payload: Summary;
  /** Innermost states before and after. */
  readonly from: readonly string[];
  readonly to: readonly string[];
  /** False: no transition took the event. */
  readonly taken: boolean;
  /** Names of the actions that ran; those that only assign to the context are not among them. */
  readonly actions: readonly string[];
  /** How long it took, in microseconds, as finely as the clock tells; 0 where unknown. */
  readonly us: number;
}
export interface WireActor {
  readonly actor: string;
  readonly machine: string;
  /** Paths of its innermost states: one, or one for each parallel region. */
  readonly states: readonly string[];
  readonly control: ControlState;
}
/** What an actor is, beside its states. */
export interface WireDetail {
  readonly context: Summary;
  /** Ids of what it has invoked and waits for. */
  readonly invoked: readonly string[];
}
/** News of one followed actor. */
export type Followed = WireActor &
  (
    | { readonly news: 'begun'; readonly detail: WireDetail }
    | { readonly news: 'steps'; readonly detail: WireDetail; readonly steps: readonly Step[]; readonly skipped: number }
    | { readonly news: 'ended' }
  );

/**
 * What a component tells on `kubus.v1.inspect.<component>.<id>` while somebody listens: at most ten frames a second, and
 * none when there is nothing new.
 */
export interface InspectionFrame {
  /** 1, 2, ... : a gap means that one was lost; ask for the whole again. */
  readonly seq: number;
  readonly ts: number;
  /** Role of the component's connection, its name in traffic. */
  readonly role: string;
  /** `counts` are all there are. */
  readonly whole?: true;
  /** [machine, innermost state, actors in it now]; only those that have changed. */
  readonly counts?: readonly (readonly [string, string, number])[];
  /** [machine, innermost state, event type, times handled since the last frame]. */
  readonly handled?: readonly (readonly [string, string, string, number])[];
  readonly traffic?: readonly TrafficRow[];
  readonly followed?: readonly Followed[];
  /** Of actors whose way of being held has changed. */
  readonly controls?: readonly WireActor[];
  readonly acks?: readonly Ack[];
}
/** The outcome of a request that had an id. */
export interface Ack {
  readonly request: string;
  /** Why it failed; else `result` is what it brought. */
  readonly status?: Status;
  readonly result?: ControlState | ActorList;
}
export interface ActorList {
  readonly actors: readonly WireActor[];
  /** Of the last one; absent if there are no more. */
  readonly after?: number;
}

/** What the console says on `kubus.v1.control.<component>.<id>`. */
export type ControlRequest = AttachRequest | DetachRequest | ListRequest | ActorRequest;
/**
 * Listens, and holds the lease of control: when nobody has attached for as long as they said, frames end, breakpoints go
 * and paused actors are resumed.
 */
export interface AttachRequest {
  readonly type: 'attach';
  /** Who: a name of its own for each console. */
  readonly from?: string;
  /** Default 10,000; at most 60,000. */
  readonly forMs?: number;
  /** Tell everything as to someone new. */
  readonly whole?: boolean;
  /** Actors to tell each step of, for `forMs`; those that another console asked for stay. */
  readonly follow?: readonly string[];
}
/** Listens no more. */
export interface DetachRequest {
  readonly type: 'detach';
  readonly from: string;
}
export interface ListRequest extends ActorFilter {
  readonly type: 'list';
  readonly request: string;
}
export interface ActorFilter {
  readonly machine?: string | undefined;
  /** A path: those in it or below it. */
  readonly state?: string | undefined;
  /** Part of the id; letter case does not matter. */
  readonly text?: string | undefined;
  /** Only those paused or with a breakpoint. */
  readonly held?: boolean | undefined;
  /** Default 100, at most 500. */
  readonly limit?: number | undefined;
  readonly after?: number | undefined;
}
export type ActorRequest = { readonly request: string; readonly actor: string } & ActorCommand;
export type ActorCommand =
  | { readonly type: 'pause' }
  /** Lets a paused actor handle the oldest event that waits; 409 if none does. */
  | { readonly type: 'step' }
  | { readonly type: 'resume' }
  /** It fails as if it had thrown; supervision brings it back as it would anyway. */
  | { readonly type: 'crash' }
  | { readonly type: 'break'; readonly on: Breakpoint }
  | { readonly type: 'unbreak'; readonly on: Breakpoint };
