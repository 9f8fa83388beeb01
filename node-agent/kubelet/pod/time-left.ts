import type { TimerId } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { NodeContext } from '../context.ts';
import type { Failure } from '../status/generate.ts';
import { armDeadline } from './deadline.ts';

/** Why a pod has failed that ran for longer than it may. Source: kubelet active_deadline.go. */
export const OVERDUE: Failure = {
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};
/** Until when a pod may run, and how long it may take to end. */
export class TimeLeft {
  /** When its kubelet heard of it, as the API writes it. */
  readonly startTime: string;
  readonly #node: NodeContext;
  readonly #exceeded: () => void;
  #endsAt: number | undefined;
  #deadline: TimerId | undefined;

  /** `exceeded`: it has been active for longer than it may. */
  constructor(node: NodeContext, exceeded: () => void) {
    this.#node = node;
    this.#exceeded = exceeded;
    this.startTime = formatTime(node.world.clock.now());
  }
  watch(pod: Pod): void {
    this.stop();
    this.#deadline = armDeadline(this.#node.world, pod, this.startTime, this.#exceeded);
  }
  stop(): void {
    if (this.#deadline !== undefined) this.#node.world.clock.clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }
  /** Seconds that a container may still take to end. */
  graceSeconds({ metadata, spec }: Pod): number {
    if (this.#endsAt !== undefined) return Math.max((this.#endsAt - this.#node.world.clock.now()) / 1_000, 0);
    return metadata.deletionGracePeriodSeconds ?? spec?.terminationGracePeriodSeconds ?? 30;
  }
  endIn(seconds: number): void {
    this.#endsAt = this.#node.world.clock.now() + seconds * 1_000;
  }
}
