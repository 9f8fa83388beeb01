import {
  createActor,
  type Actor,
  type AnyActorLogic,
  type AnyActorRef,
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
  return new Started(logic, o);
}

/** One object and no closures, since there are thousands: what runs, who hears of it, and what is listed. */
class Started<L extends AnyActorLogic> implements RunningActor<L>, LiveActor {
  readonly id: string;
  readonly machine: string;
  readonly #logic: L;
  readonly #o: StartActorOptions<L>;
  #actor: Actor<L>;
  #crashes = 0;
  #isStopped = false;
  /** Crashed, and not back yet. */
  #isDown = false;
  #over: (() => void) | undefined;
  #back: TimerId | undefined;
  #farewell: EventFromLogic<L> | undefined;

  constructor(logic: L, o: StartActorOptions<L>) {
    this.id = o.id;
    this.machine = o.machine;
    this.#logic = logic;
    this.#o = o;
    this.#actor = this.#create();
    o.inspection?.add(this);
    this.#actor.start();
  }
  ref(): AnyActorRef {
    return this.#actor;
  }
  #create(): Actor<L> {
    const { world, id, input } = this.#o;
    // An actor takes its parent's system. This one has a system and no parent.
    const parent = { system: new LeanSystem(world.clock) };
    const options = { clock: world.clock, id, parent, ...(input !== undefined && { input }) };
    const created = createActor(this.#logic, options as never);
    Object.assign(created, { _parent: undefined });
    created.subscribe(this);
    return created;
  }
  /** What XState calls as its observer: next, error, complete. */
  next(): void {
    this.#o.onState?.(stateText(valueOf(this.#actor)));
  }
  complete(): void {
    this.#end();
    this.#o.onDone?.((this.#actor.getSnapshot() as { output: OutputFrom<L> }).output);
  }
  error(error: unknown): void {
    if (this.#isStopped) return;
    const { world, id, machine, inspection, onError, restart = RESTART } = this.#o;
    world.log.error('actor crashed', { actor: id, machine, err: error });
    if (restart === false) this.#end();
    onError?.(error);
    if (restart === false) return;
    this.#isDown = true;
    inspection?.crashed(this);
    const ms = Math.min(restart.firstMs * 2 ** this.#crashes++, restart.maxMs);
    this.#back = world.clock.setTimeout(() => this.#renew(), ms);
  }
  #end(): void {
    this.#isStopped = true;
    this.#o.inspection?.remove(this);
    this.#over?.();
  }
  #renew(): void {
    if (this.#isStopped) return;
    this.#isDown = false;
    this.#actor = this.#create();
    this.#o.inspection?.renewed(this);
    this.#actor.start();
    if (this.#farewell !== undefined && !this.#isDown) this.#actor.send(this.#farewell);
  }

  send(event: EventFromLogic<L>): void {
    if (this.#isStopped) return;
    if (event.type === 'stop') this.#farewell = event;
    if (!this.#isDown) this.#actor.send(event);
    else if (event.type === 'stop') {
      if (this.#back !== undefined) this.#o.world.clock.clearTimeout(this.#back);
      this.#renew();
    }
  }
  snapshot(): SnapshotFrom<L> {
    return this.#actor.getSnapshot();
  }
  state(): string {
    return stateText(valueOf(this.#actor));
  }
  get done(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const before = this.#over;
      this.#over = () => {
        before?.();
        resolve();
      };
    });
  }
  stop(): void {
    if (this.#isStopped) return;
    this.#end();
    this.#actor.stop();
  }
}
