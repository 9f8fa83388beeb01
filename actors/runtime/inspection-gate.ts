import type { EventObject } from 'xstate';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Breakpoint, ControlState } from './inspection-frames.ts';

/** More than this many events do not wait: the actor is resumed. Events are never dropped. */
export const MAX_QUEUED = 1_000;
/** Shown of the queue. */
const SHOWN = 20;
/** What an actor is sent to make it fail. */
const CRASH: EventObject = { type: 'kubus.crash' };

/**
 * Holds one actor: events that come while it is paused wait in order and are handled when it is resumed, like those of a
 * paused process. What the chart has invoked goes on meanwhile; its outcome waits with the rest.
 */
export class Gate {
  readonly #send: (event: EventObject) => void;
  readonly #changed: () => void;
  #reason: string | undefined;
  #resting = false;
  #queue: EventObject[] = [];
  #breakpoints: Breakpoint[] = [];
  /** The event that is let through now, whatever waits. */
  #passing: EventObject | undefined;

  constructor(send: (event: EventObject) => void, changed: () => void) {
    this.#send = send;
    this.#changed = changed;
  }
  /** Nothing is held and nothing would be: the gate can be taken away. */
  get isIdle(): boolean {
    return this.#reason === undefined && this.#queue.length === 0 && this.#breakpoints.length === 0 && !this.#resting;
  }
  get state(): ControlState {
    return {
      mode: this.#resting ? 'resting' : this.#reason === undefined ? 'running' : 'paused',
      ...(this.#reason !== undefined && { reason: this.#reason }),
      queued: this.#queue.slice(0, SHOWN).map((event) => event.type),
      queuedCount: this.#queue.length,
      breakpoints: [...this.#breakpoints],
    };
  }

  /** Asked before the actor handles `event`; true: it waits, the actor stays as it is. Throws to crash the actor. */
  holds(event: EventObject): boolean {
    if (event === CRASH) throw new Error('crashed on command, from the inspector');
    if (event === this.#passing || event.type === 'xstate.stop') return false;
    if (this.#reason === undefined && this.#queue.length === 0) {
      if (!this.#breaksBefore(event)) return false;
      this.#pause(`breakpoint: event ${event.type}`);
    }
    this.#queue.push(event);
    // A pause must not hold up a shutdown, nor grow without limit.
    if (event.type === 'stop' || this.#queue.length >= MAX_QUEUED) {
      this.#reason = undefined;
      queueMicrotask(() => this.#drain());
    }
    this.#changed();
    return true;
  }
  /** Told after the actor went from some innermost states to others. */
  moved(from: readonly string[], to: readonly string[]): void {
    const hit = this.#breakpoints.find(
      (b) => 'state' in b && to.some((s) => isWithin(s, b.state)) && !from.some((s) => isWithin(s, b.state)),
    );
    if (hit !== undefined && this.#reason === undefined)
      this.#pause(`breakpoint: state ${(hit as { state: string }).state}`);
  }
  /** It crashed: what waited is lost, as it is when an actor crashes that nobody holds. */
  crashed(restarts: boolean): void {
    this.#reason = undefined;
    this.#queue = [];
    this.#passing = undefined;
    this.#resting = restarts;
    this.#changed();
  }
  restarted(): void {
    this.#resting = false;
    this.#changed();
  }

  pause(): void {
    if (this.#reason !== undefined) return;
    this.#mustRun();
    this.#pause('command');
  }
  /** Throws: ApiError Conflict if it is not paused, or no event waits. */
  step(): void {
    this.#mustRun();
    if (this.#reason === undefined) throw new ApiError('Conflict', 'the actor is not paused: pause it before stepping');
    if (this.#queue.length === 0)
      throw new ApiError('Conflict', 'no event waits for this actor: there is nothing to step to yet');
    this.#pass();
    this.#changed();
  }
  resume(): void {
    if (this.#reason === undefined) return;
    this.#reason = undefined;
    // The event at whose breakpoint it stopped does not stop it again.
    if (this.#queue.length > 0) this.#pass();
    this.#drain();
    this.#changed();
  }
  crash(): void {
    this.#mustRun();
    this.#send(CRASH);
  }
  break(on: Breakpoint): void {
    if (!this.#breakpoints.some((b) => same(b, on))) this.#breakpoints.push(on);
    this.#changed();
  }
  unbreak(on: Breakpoint): void {
    this.#breakpoints = this.#breakpoints.filter((b) => !same(b, on));
    this.#changed();
  }
  /** As if nobody had ever held it; true if it was paused. */
  release(): boolean {
    const wasPaused = this.#reason !== undefined;
    this.#breakpoints = [];
    this.resume();
    return wasPaused;
  }

  #pause(reason: string): void {
    this.#reason = reason;
    this.#changed();
  }
  #mustRun(): void {
    if (this.#resting) throw new ApiError('Conflict', 'the actor has crashed and waits for its restart');
  }
  #breaksBefore(event: EventObject): boolean {
    return this.#breakpoints.some((b) => 'event' in b && b.event === event.type);
  }
  #pass(): void {
    const event = this.#queue.shift()!;
    this.#passing = event;
    this.#send(event);
    this.#passing = undefined;
  }
  /** What the events lead to is queued behind those that wait, so the order stays the one in which they came. */
  #drain(): void {
    while (this.#reason === undefined && this.#queue.length > 0) {
      if (this.#breaksBefore(this.#queue[0]!)) return this.#pause(`breakpoint: event ${this.#queue[0]!.type}`);
      this.#pass();
    }
  }
}
const isWithin = (state: string, path: string): boolean => state === path || state.startsWith(`${path}.`);
const same = (a: Breakpoint, b: Breakpoint): boolean => JSON.stringify(a) === JSON.stringify(b);
