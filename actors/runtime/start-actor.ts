import {
  createActor,
  type AnyActorLogic,
  type EventFromLogic,
  type InputFrom,
  type OutputFrom,
  type SnapshotFrom,
} from 'xstate';
import type { TimerId, World } from '../../bus/world.ts';
import { LeanSystem } from './actor-system.ts';
import { stateText, valueOf, type Inspection, type LiveActor } from './inspection.ts';

export interface StartActorOptions<L extends AnyActorLogic> {
  readonly world: World;
  /** Unique within the component: `replicaset/default/web`. */
  readonly id: string;
  /** Name of the chart, as `kubus machines` lists it. */
  readonly machine: string;
  readonly input?: InputFrom<L>;
  readonly inspection?: Inspection | undefined;
  /** How a crashed actor comes back; `false`: it stays dead and `onError` decides. Default 100 ms doubling to 30 s. */
  readonly restart?: { readonly firstMs: number; readonly maxMs: number } | false;
  readonly onError?: (error: unknown) => void;
  /** Called with each state entered, the first included. */
  readonly onState?: (state: string) => void;
  /** Called when a terminal chart has reached a final state. */
  readonly onDone?: (output: OutputFrom<L>) => void;
}
/** An actor that is brought back when it crashes: what is sent to it goes to the one that runs now. */
export interface RunningActor<L extends AnyActorLogic> {
  readonly id: string;
  /**
   * Lost while the actor waits for its restart, but for `stop`: whoever sends it waits for the end, so the actor is back at
   * once and told. One that crashes on the way to its end is told again.
   */
  send(event: EventFromLogic<L>): void;
  snapshot(): SnapshotFrom<L>;
  /** `watching`, `syncing.dirty`, ... */
  state(): string;
  /** Resolves when the actor is over: final state, stopped, or dead without a restart. */
  readonly done: Promise<void>;
  stop(): void;
}

const RESTART = { firstMs: 100, maxMs: 30_000 };

/**
 * Starts an actor the one way this project does it: its errors are heard (an actor in status `error` is dead for good),
 * a crash restarts it from its input after a backoff, and it is listed for inspection while it lives.
 */
export function startActor<L extends AnyActorLogic>(logic: L, o: StartActorOptions<L>): RunningActor<L> {
  const { clock, log } = o.world;
  const restart = o.restart ?? RESTART;
  let crashes = 0;
  let stopped = false;
  /** Crashed, and not back yet. */
  let down = false;
  let over: (() => void) | undefined;
  let back: TimerId | undefined;
  let farewell: EventFromLogic<L> | undefined;
  let actor = create();
  const live: LiveActor = { id: o.id, machine: o.machine, ref: () => actor };
  o.inspection?.add(live);
  actor.start();

  function create() {
    // An actor takes its parent's system. This one has a system and no parent.
    const parent = { system: new LeanSystem(clock) };
    const options = { clock, id: o.id, parent, ...(o.input !== undefined && { input: o.input }) };
    const created = createActor(logic, options as never);
    Object.assign(created, { _parent: undefined });
    created.subscribe({
      ...(o.onState && { next: () => o.onState!(stateText(valueOf(created))) }),
      error: (error) => crashed(error),
      complete: () => {
        end();
        o.onDone?.((created.getSnapshot() as { output: OutputFrom<L> }).output);
      },
    });
    return created;
  }
  function end(): void {
    stopped = true;
    o.inspection?.remove(live);
    over?.();
  }
  function crashed(error: unknown): void {
    if (stopped) return;
    log.error('actor crashed', { actor: o.id, machine: o.machine, err: error });
    if (restart === false) end();
    o.onError?.(error);
    if (restart === false) return;
    down = true;
    o.inspection?.crashed(live);
    const ms = Math.min(restart.firstMs * 2 ** crashes++, restart.maxMs);
    back = clock.setTimeout(renew, ms);
  }
  function renew(): void {
    if (stopped) return;
    down = false;
    actor = create();
    o.inspection?.renewed(live);
    actor.start();
    if (farewell !== undefined && !down) actor.send(farewell);
  }

  return {
    id: o.id,
    send: (event) => {
      if (stopped) return;
      if (event.type === 'stop') farewell = event;
      if (!down) actor.send(event);
      else if (event.type === 'stop') {
        if (back !== undefined) clock.clearTimeout(back);
        renew();
      }
    },
    snapshot: () => actor.getSnapshot(),
    state: () => stateText(valueOf(actor)),
    get done() {
      if (stopped) return Promise.resolve();
      return new Promise<void>((resolve) => {
        const before = over;
        over = () => {
          before?.();
          resolve();
        };
      });
    },
    stop() {
      if (stopped) return;
      end();
      actor.stop();
    },
  };
}
