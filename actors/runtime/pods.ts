import type { Pod, PodCondition } from '../../schemas/generated/core-v1.ts';
import { timeOf } from './time.ts';

export const podCondition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((condition) => condition.type === type);
export const isPodReady = (pod: Pod): boolean => podCondition(pod, 'Ready')?.status === 'True';
/** Since when the pod is ready, in ms; undefined when it is not. */
export const podReadySince = (pod: Pod): number | undefined => {
  const ready = podCondition(pod, 'Ready');
  return ready?.status === 'True' ? timeOf(ready.lastTransitionTime) : undefined;
};
export const isPodTerminal = (pod: Pod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
/** Going, and not over yet. */
export const isPodTerminating = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined && !isPodTerminal(pod);
/** Neither over nor going. */
export const isPodActive = (pod: Pod): boolean => !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;

/**
 * When a ready pod counts as available: 0 at once or by now, the ms still missing otherwise; undefined when not ready.
 * Source: pkg/api/v1/pod IsPodAvailable.
 */
export function availableInMs(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  if (!isPodReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = podReadySince(pod);
  if (since === undefined) return undefined;
  return Math.max(0, since + minReadySeconds * 1_000 - now);
}
