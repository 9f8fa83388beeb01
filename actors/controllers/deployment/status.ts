import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../../schemas/generated/apps-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { timeOf } from '../../runtime/time.ts';
import { maxUnavailable, replicasOf, statusSum, total } from './strategy.ts';

type Conditions = readonly DeploymentCondition[];
const MAX_INT32 = 2_147_483_647;
export const hasDeadline = (d: Deployment): boolean =>
  d.spec?.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== MAX_INT32;

export const conditionOf = (conditions: Conditions | undefined, type: string): DeploymentCondition | undefined =>
  conditions?.find((c) => c.type === type);
export const without = (conditions: Conditions, type: string): DeploymentCondition[] =>
  conditions.filter((c) => c.type !== type);
/** Sets the condition at the end of the list unless it already has this status and reason. */
export function set(conditions: Conditions, next: DeploymentCondition): Conditions {
  const present = conditionOf(conditions, next.type);
  if (present?.status === next.status && present.reason === next.reason) return conditions;
  const lastTransitionTime = present?.status === next.status ? present.lastTransitionTime : next.lastTransitionTime;
  return [...without(conditions, next.type), { ...next, lastTransitionTime }];
}
export const condition = (
  type: string,
  status: 'True' | 'False' | 'Unknown',
  reason: string,
  message: string,
  now: number,
): DeploymentCondition => ({
  type,
  status,
  lastUpdateTime: formatTime(now),
  lastTransitionTime: formatTime(now),
  reason,
  message,
});

/** Counts of all sets and the Available condition. `conditions` are those present. */
export function statusOf(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  conditions: Conditions,
  now: number,
): DeploymentStatus {
  const available = statusSum(all, 'availableReplicas');
  const isAvailable = available >= replicasOf(d) - maxUnavailable(d);
  const next = isAvailable
    ? condition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
    : condition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
        now,
      );
  const status: DeploymentStatus = {
    observedGeneration: d.metadata.generation,
    replicas: statusSum(all, 'replicas'),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: statusSum(all, 'readyReplicas'),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(all) - available),
    terminatingReplicas: terminatingOf(all),
    conditions: [...set(conditions, next)],
    collisionCount: d.status?.collisionCount,
  };
  // As Go writes them: counts of zero are left out.
  for (const key of ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas'] as const)
    if (!status[key]) delete status[key]; // prettier-ignore
  return status;
}
/** Unknown as long as one set has not said how many. */
function terminatingOf(all: readonly ReplicaSet[]): number | undefined {
  let sum = 0;
  for (const { status } of all) {
    if (status?.terminatingReplicas !== undefined) sum += status.terminatingReplicas;
    else if (status?.observedGeneration) return undefined;
  }
  return sum;
}

export const isComplete = (d: Deployment, status: DeploymentStatus | undefined): boolean =>
  (status?.updatedReplicas ?? 0) === replicasOf(d) &&
  (status?.replicas ?? 0) === replicasOf(d) &&
  (status?.availableReplicas ?? 0) === replicasOf(d) &&
  (status?.observedGeneration ?? 0) >= (d.metadata.generation ?? 0);

/** More new pods, fewer old ones, more ready or available than the last status said. */
function isProgressing(d: Deployment, next: DeploymentStatus): boolean {
  const old = d.status;
  const count = (s: DeploymentStatus | undefined, f: 'replicas' | 'updatedReplicas' | 'readyReplicas' | 'availableReplicas') => s?.[f] ?? 0; // prettier-ignore
  const outdated = (s: DeploymentStatus | undefined): number => count(s, 'replicas') - count(s, 'updatedReplicas');
  return (
    count(next, 'updatedReplicas') > count(old, 'updatedReplicas') ||
    outdated(next) < outdated(old) ||
    count(next, 'readyReplicas') > count(old, 'readyReplicas') ||
    count(next, 'availableReplicas') > count(old, 'availableReplicas')
  );
}
function hasTimedOut(d: Deployment, conditions: Conditions, now: number): boolean {
  const progressing = conditionOf(conditions, 'Progressing');
  if (!hasDeadline(d) || !progressing || progressing.reason === 'NewReplicaSetAvailable') return false;
  if (progressing.reason === 'ProgressDeadlineExceeded') return true;
  return (timeOf(progressing.lastUpdateTime) ?? now) + d.spec!.progressDeadlineSeconds! * 1_000 < now;
}

/** Status during a rollout: counts, Available, Progressing, ReplicaFailure. Source: progress.go syncRolloutStatus. */
export function rolloutStatus(
  d: Deployment,
  all: readonly ReplicaSet[],
  newSet: ReplicaSet | undefined,
  present: Conditions,
  now: number,
): DeploymentStatus {
  const status = statusOf(d, all, newSet, present, now);
  let conditions: Conditions = status.conditions ?? [];
  if (!hasDeadline(d)) conditions = without(conditions, 'Progressing');
  const current = conditionOf(present, 'Progressing');
  const wasComplete =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (hasDeadline(d) && !wasComplete) {
    const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${d.metadata.name}"`;
    if (isComplete(d, status))
      conditions = set(conditions, condition('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`, now)); // prettier-ignore
    else if (isProgressing(d, status)) {
      const next = condition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, now);
      const since = current?.status === 'True' ? current.lastTransitionTime : next.lastTransitionTime;
      conditions = [...without(conditions, 'Progressing'), { ...next, lastTransitionTime: since }];
    } else if (hasTimedOut(d, conditions, now))
      conditions = set(conditions, condition('Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`, now)); // prettier-ignore
  }
  const failure = failureOf(newSet ? [newSet] : []) ?? failureOf(all);
  conditions = failure ? set(conditions, failure) : without(conditions, 'ReplicaFailure');
  return { ...status, conditions: [...conditions] };
}
function failureOf(sets: readonly ReplicaSet[]): DeploymentCondition | undefined {
  for (const { status } of sets) {
    const c = status?.conditions?.find(({ type }) => type === 'ReplicaFailure');
    if (c) return { ...c, lastUpdateTime: c.lastTransitionTime };
  }
  return undefined;
}
/** When a rollout that does not move must be looked at again; undefined: it is complete, late already, or has no limit. */
export function stuckCheckInMs(d: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const progressing = conditionOf(status.conditions, 'Progressing');
  if (!hasDeadline(d) || !progressing) return undefined;
  if (isComplete(d, status) || progressing.reason === 'ProgressDeadlineExceeded') return undefined;
  const deadline = (timeOf(progressing.lastUpdateTime) ?? now) + d.spec!.progressDeadlineSeconds! * 1_000;
  return Math.max(0, deadline - now) + 1_000;
}
