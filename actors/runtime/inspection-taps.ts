import type { AnyActorLogic, AnyActorRef, EventObject, Snapshot, StateValue } from 'xstate';
import type { Cell, Counts } from './inspection-counts.ts';
import type { Recorder } from './inspection-follow.ts';
import type { Gate } from './inspection-gate.ts';

/** What is known of one actor while somebody listens. */
export interface Tap {
  readonly machine: string;
  cells: readonly Cell[];
  recorder: Recorder | undefined;
  gate: Gate | undefined;
}
type Transition = AnyActorLogic['transition'];

/** The state value of an actor, undefined for logic that is not a chart. */
export const valueOf = (ref: AnyActorRef): StateValue | undefined => valueIn(ref.getSnapshot());
const valueIn = (snapshot: unknown): StateValue | undefined => (snapshot as { value?: StateValue } | undefined)?.value;

/**
 * Taps actors by exchanging the logic of those that run: one object for each chart, and an actor that nobody looks at
 * carries nothing. XState's own inspection builds several objects an event, ten times as dear.
 */
export class Taps {
  readonly #counts: Counts;
  readonly #now: () => number;
  readonly #byRef = new WeakMap<object, Tap>();
  readonly #tapped = new WeakMap<AnyActorLogic, AnyActorLogic>();

  constructor(counts: Counts, now: () => number) {
    this.#counts = counts;
    this.#now = now;
  }
  attach(ref: AnyActorRef, tap: Tap): void {
    const actor = ref as unknown as { logic: AnyActorLogic };
    this.#byRef.set(ref, tap);
    tap.cells = this.#counts.cells(tap.machine, valueOf(ref));
    this.#counts.enter(tap.cells);
    actor.logic = this.#logicOf(actor.logic);
    tap.recorder?.listen(ref);
  }
  detach(ref: AnyActorRef): void {
    const tap = this.#byRef.get(ref);
    if (tap === undefined) return;
    const actor = ref as unknown as { logic: AnyActorLogic };
    this.#byRef.delete(ref);
    this.#counts.leave(tap.cells);
    tap.cells = [];
    actor.logic = Object.getPrototypeOf(actor.logic) as AnyActorLogic;
    tap.recorder?.stop();
  }
  /** The same logic but for its transition; everything else is inherited. */
  #logicOf(logic: AnyActorLogic): AnyActorLogic {
    const known = this.#tapped.get(logic);
    if (known !== undefined) return known;
    const transition: Transition = (snapshot, event, scope) =>
      this.#transition(logic, snapshot, event as EventObject, scope);
    const tapped = Object.create(logic, { transition: { value: transition } }) as AnyActorLogic;
    this.#tapped.set(logic, tapped);
    return tapped;
  }
  #transition(
    logic: AnyActorLogic,
    snapshot: Snapshot<unknown>,
    event: EventObject,
    scope: Parameters<Transition>[2],
  ): Snapshot<unknown> {
    const tap = this.#byRef.get(scope.self);
    if (tap === undefined) return logic.transition(snapshot, event, scope) as Snapshot<unknown>;
    if (tap.gate?.holds(event)) return snapshot;
    const before = tap.cells;
    const { recorder } = tap;
    recorder?.begin();
    const began = recorder === undefined ? 0 : this.#now();
    const next = logic.transition(snapshot, event, scope) as Snapshot<unknown>;
    this.#counts.handled(before, event.type);
    const value = valueIn(next);
    if (value !== valueIn(snapshot) && this.#byRef.get(scope.self) === tap) {
      tap.cells = this.#counts.cells(tap.machine, value);
      this.#counts.leave(before);
      this.#counts.enter(tap.cells);
    }
    if (recorder === undefined && tap.gate === undefined) return next;
    const from = before.map((cell) => cell.state);
    const to = tap.cells.map((cell) => cell.state);
    recorder?.end({ ts: began, from, to, us: (this.#now() - began) * 1_000 }, event);
    tap.gate?.moved(from, to);
    return next;
  }
}
