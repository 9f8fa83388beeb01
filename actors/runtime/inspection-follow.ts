import type { AnyActorRef, InspectionEvent } from 'xstate';
import { summaryOf } from './inspection-summary.ts';
import type { Step, WireDetail } from './inspection-frames.ts';

/** Steps kept between two frames. */
const MAX_STEPS = 100;

/** Records what one actor does, event by event. */
export class Recorder {
  #steps: Step[] = [];
  #skipped = 0;
  #actions: string[] = [];
  #taken = false;
  #tap: { unsubscribe(): void } | undefined;

  /** Hears of actions and transitions; of the actor that runs now, so again after a restart. */
  listen(ref: AnyActorRef): void {
    this.stop();
    this.#tap = ref.system.inspect((event: InspectionEvent) => {
      if (event.actorRef !== ref) return;
      if (event.type === '@xstate.action') this.#actions.push(event.action.type);
      else if (event.type === '@xstate.microstep') this.#taken ||= event._transitions.length > 0;
    });
  }
  /** Before the actor handles an event. */
  begin(): void {
    this.#actions = [];
    this.#taken = false;
  }
  end(step: Pick<Step, 'ts' | 'from' | 'to' | 'us'>, event: { readonly type: string }): void {
    if (this.#steps.length >= MAX_STEPS) {
      this.#skipped++;
      return;
    }
    const { type } = event;
    this.#steps.push({ ...step, event: type, payload: summaryOf(event), taken: this.#taken, actions: this.#actions });
  }
  /** Undefined: nothing has happened since. */
  take(): { readonly steps: readonly Step[]; readonly skipped: number } | undefined {
    if (this.#steps.length === 0) return undefined;
    const taken = { steps: this.#steps, skipped: this.#skipped };
    this.#steps = [];
    this.#skipped = 0;
    return taken;
  }
  stop(): void {
    this.#tap?.unsubscribe();
    this.#tap = undefined;
  }
}
export function detailOf(ref: AnyActorRef): WireDetail {
  const { context, children } = ref.getSnapshot() as {
    context?: unknown;
    children?: Readonly<Record<string, unknown>>;
  };
  return { context: summaryOf(context), invoked: Object.keys(children ?? {}) };
}
