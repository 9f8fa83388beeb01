import type { Clock, TimerId } from '../../bus/world.ts';
import { parseDuration } from '../../schemas/meta/duration.ts';
import type { NodeContext } from '../kubelet/context.ts';

/** Source: cri-streaming server.go DefaultConfig, kubelet config v1beta1 defaults: what is 0 is not said. */
const IDLE_MS = 4 * 3_600_000;
const NANOS_OF_MS = 1_000_000n;

/** How long nothing need be said on a stream of this node before it is ended, ms. */
export function idleMs({ housekeeping }: Pick<NodeContext, 'housekeeping'>): number {
  const nanos = parseDuration(housekeeping?.configuration.streamingConnectionIdleTimeout ?? '0s');
  return typeof nanos === 'string' || nanos <= 0n ? IDLE_MS : Number(nanos / NANOS_OF_MS);
}
export interface IdleWatch {
  /** Something was said. */
  touch(): void;
  stop(): void;
}
/** Acts once when nothing was said for so long. A touch costs a look at the clock; the timer is armed anew when it fires. */
export function watchIdle(clock: Clock, ms: number, act: () => void): IdleWatch {
  let last = clock.now();
  let timer: TimerId | undefined;
  const arm = (left: number): void => {
    timer = clock.setTimeout(() => {
      const rest = last + ms - clock.now();
      timer = undefined;
      if (rest > 0) arm(rest);
      else act();
    }, left);
  };
  arm(ms);
  return {
    touch: () => void (last = clock.now()),
    stop() {
      if (timer !== undefined) clock.clearTimeout(timer);
      timer = undefined;
    },
  };
}
