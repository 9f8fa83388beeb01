import type { StatefulSet, StatefulSetStatus } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Intent } from '../../runtime/intent.ts';
import { availableInMs, isPodReady } from '../../runtime/pods.ts';
import { statefulSets } from '../../runtime/resources.ts';
import { replicasOf, revisionOf } from './identity.ts';

export const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
export const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isPodReady(pod);

export interface Counted {
  readonly pods: readonly Pod[];
  /** Names of ControllerRevisions. */
  readonly current: string;
  readonly update: string;
  readonly collisionCount: number;
  readonly now: number;
}
/** The status that the pods make. `leaving`: pods of the current revision that are being deleted for an update. */
export function statusOf(
  set: StatefulSet,
  { pods, current, update, collisionCount, now }: Counted,
  leaving: number,
): StatefulSetStatus {
  const minReady = set.spec?.minReadySeconds ?? 0;
  let [ready, available, ofCurrent, updated] = [0, 0, -leaving, 0];
  for (const pod of pods) {
    if (isRunningAndReady(pod)) {
      ready++;
      if (availableInMs(pod, minReady, now) === 0) available++;
    }
    if (isGoing(pod)) continue;
    if (revisionOf(pod) === current) ofCurrent++;
    if (revisionOf(pod) === update) updated++;
  }
  const wanted = replicasOf(set);
  const isComplete =
    set.spec?.updateStrategy?.type === 'RollingUpdate' &&
    updated === wanted &&
    ready === wanted &&
    pods.length === wanted;
  if (isComplete) ofCurrent = updated;
  return {
    ...(set.metadata.generation && { observedGeneration: set.metadata.generation }),
    replicas: pods.length,
    ...(ready > 0 && { readyReplicas: ready }),
    ...(ofCurrent !== 0 && { currentReplicas: Math.max(0, ofCurrent) }),
    ...(updated > 0 && { updatedReplicas: updated }),
    currentRevision: isComplete ? update : current,
    updateRevision: update,
    collisionCount,
    ...(set.status?.conditions && { conditions: set.status.conditions }),
    availableReplicas: available,
  };
}
export function statusUpdate(set: StatefulSet, status: StatefulSetStatus): readonly Intent[] {
  if (equal(status, set.status)) return [];
  const object: StatefulSet = { ...set, status };
  return [{ op: 'update', gvr: statefulSets, object, subresource: 'status', tolerate: ['NotFound'] }];
}
/** ms until the next ready pod becomes available, if any is still to. */
export function nextAvailability(set: StatefulSet, pods: readonly Pod[], now: number): number | undefined {
  const minReady = set.spec?.minReadySeconds ?? 0;
  let soonest: number | undefined;
  for (const pod of pods) {
    const waitMs = availableInMs(pod, minReady, now);
    if (waitMs) soonest = Math.min(soonest ?? waitMs, waitMs);
  }
  return soonest;
}
