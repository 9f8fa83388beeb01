import { delay, type Clock } from '../../../bus/world.ts';
import type { Evictable } from '../eviction/manager.ts';
import type { GraceOfPriority } from '../node/configuration.ts';
import { graceOf, waves } from './plan.ts';

/** Source: kubelet nodeshutdown_manager.go. */
const TERMINATED = {
  reason: 'Terminated',
  message: 'Pod was terminated in response to imminent node shutdown.',
  isDisruption: true,
} as const;
export const REFUSED = { reason: 'NodeShutdown', message: 'Pod was rejected as the node is shutting down.' } as const;
const LOOK_MS = 100;

/** Ends all pods of a node that goes off, those of low priority first, each wave within its time. */
export async function endPods(clock: Clock, periods: readonly GraceOfPriority[], pods: readonly Evictable[]): Promise<void> {
  for (const wave of waves(periods, pods)) {
    const until = clock.now() + wave.grace * 1_000;
    for (const one of wave.pods) one.evict(TERMINATED, graceOf(one.pod, wave));
    while (clock.now() < until && !wave.pods.every(({ hasEnded }) => hasEnded)) await delay(clock, LOOK_MS);
  }
} // prettier-ignore
