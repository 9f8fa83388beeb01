import type { TimerId, World } from '../../../bus/world.ts';
import type { ContainerState, LifecycleHandler } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ContainerRuntime, RuntimeStatus } from '../../runtime/interface.ts';

/** What is said of a run that nobody saw end. */
export const LOST: ContainerState = {
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
};
export const terminatedState = (status: RuntimeStatus, runtime: string): ContainerState => ({
  terminated: {
    exitCode: status.exitCode,
    reason: status.reason,
    ...(status.message && { message: status.message }),
    startedAt: formatTime(status.startedAt),
    finishedAt: formatTime(status.finishedAt),
    containerID: `${runtime}://${status.id}`,
  },
});
/** Source: kubelet minimumGracePeriodInSeconds: whoever had a hook still gets two seconds. */
const MIN_GRACE_SECONDS = 2;

/** Runs the preStop hook, asks the container to end and kills it, all within the grace. Resolves once it has ended. */
export async function stopGently(o: {
  readonly world: World;
  readonly runtime: ContainerRuntime;
  readonly id: string;
  readonly graceSeconds: number;
  readonly preStop: LifecycleHandler | undefined;
  readonly onHookFailed: () => void;
}): Promise<void> {
  const { clock } = o.world;
  let left = o.graceSeconds;
  if (o.preStop !== undefined && left > 0) {
    const began = clock.now();
    const limit = new AbortController();
    const timer: TimerId = clock.setTimeout(() => limit.abort(new Error('the grace has passed')), left * 1_000);
    try {
      await o.runtime.runHook(o.id, 'preStop', o.preStop, limit.signal);
    } catch {
      o.onHookFailed();
    } finally {
      clock.clearTimeout(timer);
    }
    left = Math.max(left - (clock.now() - began) / 1_000, MIN_GRACE_SECONDS);
  }
  await o.runtime.stopContainer(o.id, left);
}
