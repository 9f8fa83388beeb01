import { delay, type TimerId, type World } from '../../../bus/world.ts';
import type { ContainerState, LifecycleHandler } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ContainerRuntime, RuntimeStatus } from '../../runtime/interface.ts';
import type { ContainerRecord } from './record.ts';
import { RESTARTING_ALL } from './restart.ts';

/** What is said of a run that nobody saw end. */
export const LOST: ContainerState = {
  terminated: {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was terminated',
  },
};
const RESET = {
  reason: RESTARTING_ALL,
  message: 'The container is removed because RestartAllContainers in place',
};
/** Nothing is left of its runs; it waits for the next one. Source: kubelet ContainersToReset. */
export function beginAnew(record: ContainerRecord): void {
  record.id = undefined;
  record.previous = undefined;
  record.inSandbox = false;
  record.started = false;
  record.ready = false;
  if (record.runs === 0) return;
  record.restartCount = record.runs;
  record.lastState = { terminated: { exitCode: 137, ...RESET } };
  record.state = { waiting: RESET };
}
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
/** Source: kubelet minimumGracePeriodInSeconds: nobody gets less than two seconds. */
const MIN_GRACE_SECONDS = 2;

/** Runs the preStop hook, asks the container to end and kills it, all within the grace. Resolves once it has ended. */
export async function stopGently(o: {
  readonly world: World;
  readonly runtime: ContainerRuntime;
  readonly id: string;
  readonly graceSeconds: number;
  readonly preStop: LifecycleHandler | undefined;
  readonly runHook: (hook: LifecycleHandler, signal: AbortSignal) => Promise<void>;
  readonly onHookFailed: () => void;
  /** It is not asked to end before this, or before the grace has passed. */
  readonly turn?: Promise<unknown> | undefined;
}): Promise<void> {
  const { clock } = o.world;
  const began = clock.now();
  const left = (): number => o.graceSeconds - (clock.now() - began) / 1_000;
  if (o.preStop !== undefined && left() > 0) {
    const limit = new AbortController();
    const timer: TimerId = clock.setTimeout(() => limit.abort(new Error('the grace has passed')), left() * 1_000);
    try {
      await o.runHook(o.preStop, limit.signal);
    } catch {
      o.onHookFailed();
    } finally {
      clock.clearTimeout(timer);
    }
  }
  if (o.turn !== undefined && left() > 0) {
    const passed = new AbortController();
    await Promise.race([o.turn, delay(clock, left() * 1_000, passed.signal).catch(() => undefined)]);
    passed.abort();
  }
  await o.runtime.stopContainer(o.id, Math.max(left(), MIN_GRACE_SECONDS));
}
