import type { FlowClass } from './classifier.ts';
import type { Counts, Refusal } from './counts.ts';
import type { FlowRequest } from './flow-request.ts';
import type { FlowControl } from './index.ts';
import type { Level } from './level.ts';

/** A request on its way, and what the door needs to know of it. */
export class Admission {
  readonly flowClass: FlowClass;
  readonly counts: Counts;
  readonly level: Level<Admission>;
  request!: FlowRequest<Admission>;
  refused: Refusal | undefined;
  decide: ((isAdmitted: boolean) => void) | undefined;
  readonly #control: FlowControl;
  constructor(control: FlowControl, flowClass: FlowClass, counts: Counts, level: Level<Admission>) {
    this.#control = control;
    this.flowClass = flowClass;
    this.counts = counts;
    this.level = level;
  }
  /** At once: it neither waits nor is refused. */
  get mayGoOn(): boolean {
    return this.refused === undefined && this.request.state !== 'waiting';
  }
  get isWaiting(): boolean {
    return this.refused === undefined && this.request.state === 'waiting';
  }
  /** Nobody wants the answer any more: takes it out of its queue, if it is in one. */
  cancel(): void {
    this.#control.cancel(this);
  }
  /** It is dealt with, or begun if it is a watch. May be called again. */
  leave(): void {
    this.#control.leave(this);
  }
  /** What the refused are told to wait. */
  get retryAfterSeconds(): number {
    return this.#control.retryAfter(this.level);
  }
}
