import type { AnyActorRef, InspectionEvent, StateValue } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import * as subjects from '../../bus/subjects.ts';
import type { World } from '../../bus/world.ts';

/** One state entered by one actor, as it travels on `kubus.v1.inspect.<component>.<id>`, an array of them a tick. */
export interface InspectionFrame {
  readonly actorId: string;
  readonly machine: string;
  /** XState's state value. */
  readonly value: StateValue;
  /** Type of the event that led there; `present` for what was so when the listener came. */
  readonly event: string;
  /** Milliseconds since the epoch. */
  readonly ts: number;
}
/** Sent to `kubus.v1.control.<component>.<id>` by whoever wants frames, again before `forMs` has passed. */
export interface InspectRequest {
  readonly type: 'inspect';
  /** Default 5000. */
  readonly forMs?: number;
}
export interface LiveActor {
  readonly id: string;
  readonly machine: string;
  /** The actor that runs now; another after a restart. */
  readonly ref: () => AnyActorRef;
}
/** The live actors of one component, and the tap on them. */
export interface Inspection {
  add(actor: LiveActor): void;
  remove(actor: LiveActor): void;
  /** Called when a restart gave a live actor a new ref. */
  renewed(actor: LiveActor): void;
  actors(): Iterable<LiveActor>;
  close(): void;
}

/** The state value of an actor, undefined for logic that is not a chart. */
export const valueOf = (ref: AnyActorRef): StateValue | undefined =>
  (ref.getSnapshot() as { value?: StateValue } | undefined)?.value;
/** `syncing.dirty`; parallel regions joined by `+`. */
export function stateText(value: StateValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([name, child]) => {
      const below = stateText(child);
      return below === '' ? name : `${name}.${below}`;
    })
    .join('+');
}

interface Subscribed {
  unsubscribe(): void;
}

/**
 * Publishes the states that the component's actors enter, only while someone asks for it (see InspectRequest): with no
 * listener no actor carries an observer, so the cost is one Map entry an actor.
 */
export function createInspection(o: {
  readonly world: World;
  readonly bus: Bus;
  readonly component: string;
  readonly id: string;
}): Inspection {
  const { clock } = o.world;
  const live = new Set<LiveActor>();
  const taps = new Map<LiveActor, Subscribed>();
  const subject = subjects.inspect(o.component, o.id);
  let until = 0;
  let listening = false;
  let frames: InspectionFrame[] = [];

  const flush = (): void => {
    const batch = frames;
    frames = [];
    if (batch.length > 0) o.bus.publish(subject, batch);
  };
  const emit = (frame: InspectionFrame): void => {
    frames.push(frame);
    if (frames.length === 1) queueMicrotask(flush);
  };
  function tap(actor: LiveActor): void {
    const ref = actor.ref();
    const observer = (event: InspectionEvent): void => {
      if (event.type !== '@xstate.snapshot' || event.actorRef !== ref) return;
      const value = (event.snapshot as { value?: StateValue }).value;
      if (value === undefined) return;
      emit({ actorId: actor.id, machine: actor.machine, value, event: event.event.type, ts: clock.now() });
    };
    taps.set(actor, ref.system.inspect(observer));
  }
  function untap(actor: LiveActor): void {
    taps.get(actor)?.unsubscribe();
    taps.delete(actor);
  }
  function listen(forMs: number): void {
    until = Math.max(until, clock.now() + forMs);
    for (const actor of live) {
      const value = valueOf(actor.ref());
      if (value === undefined) continue;
      if (!listening) emit({ actorId: actor.id, machine: actor.machine, value, event: 'present', ts: clock.now() });
    }
    if (listening) return;
    listening = true;
    for (const actor of live) tap(actor);
    watchForEnd();
  }
  function watchForEnd(): void {
    clock.setTimeout(
      () => {
        if (!listening) return;
        if (clock.now() < until) return watchForEnd();
        listening = false;
        for (const actor of taps.keys()) untap(actor);
      },
      Math.max(1, until - clock.now()),
    );
  }
  const subscription = o.bus.subscribe(subjects.control(o.component, o.id), (message) => {
    const request = message.body as Partial<InspectRequest> | undefined;
    if (request?.type === 'inspect')
      listen(Math.min(Math.max(Number.isFinite(request.forMs) ? request.forMs! : 5_000, 1), 60_000));
  });

  return {
    add(actor) {
      live.add(actor);
      // Its start, which comes after this, is the first state that the tap hears.
      if (listening) tap(actor);
    },
    remove(actor) {
      live.delete(actor);
      untap(actor);
    },
    renewed(actor) {
      if (!listening) return;
      untap(actor);
      tap(actor);
    },
    actors: () => live,
    close() {
      subscription.unsubscribe();
      listening = false;
      for (const actor of taps.keys()) untap(actor);
    },
  };
}
