import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { selectorFromLabels } from '../../../schemas/meta/selectors.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { availableInMs } from '../../runtime/pods.ts';
import { pods as podsResource, replicaSets } from '../../runtime/resources.ts';
import { podsToDelete } from './rank.ts';

export interface Observed {
  readonly replicaSet: ReplicaSet;
  /** Claimed, neither terminal nor being deleted. */
  readonly active: readonly Pod[];
  /** Claimed pods on their way out. */
  readonly terminating: number;
  /** Active pods on a node, of all ReplicaSets with the same owner. */
  readonly related: (node: string) => number;
}
/** Source: pkg/controller/replicaset BurstReplicas. */
export const BURST = 500;

/** Names of pods begin with the set's name and a dash, unless that is too long for a name. */
const MAX_PREFIX = 253;
const prefixOf = (name: string): string => (name.length + 1 > MAX_PREFIX ? name : `${name}-`);

function podOf(replicaSet: ReplicaSet): Pod {
  const template = replicaSet.spec!.template;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefixOf(replicaSet.metadata.name!),
      namespace: replicaSet.metadata.namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(replicaSet)],
    },
    spec: template?.spec,
  };
}

/** The pods to create or delete, at most 500 of them; the rest follows once these are seen. */
export function manageReplicas({ replicaSet, active, related }: Observed, now: number): readonly Intent[] {
  if (replicaSet.metadata.deletionTimestamp) return [];
  const missing = (replicaSet.spec?.replicas ?? 0) - active.length;
  if (missing === 0) return [];
  if (missing > 0) {
    const object = podOf(replicaSet);
    const create: Intent = { op: 'create', gvr: podsResource, object };
    return Array.from({ length: Math.min(missing, BURST) }, () => create);
  }
  return podsToDelete(active, Math.min(-missing, BURST), related, now).map((pod): Intent => ({
    op: 'delete',
    gvr: podsResource,
    namespace: pod.metadata.namespace,
    name: pod.metadata.name!,
    uid: pod.metadata.uid,
  }));
}

/** The status that the pods make, and the write of it if it differs. `failure`: why pods could not be made or deleted. */
export function updateStatus(observed: Observed, failure: string | undefined, now: number): readonly Intent[] {
  const { replicaSet } = observed;
  const old = replicaSet.status;
  const status = statusOf(observed, failure, now);
  if (
    old?.replicas === status.replicas &&
    (old.fullyLabeledReplicas ?? 0) === (status.fullyLabeledReplicas ?? 0) &&
    (old.readyReplicas ?? 0) === (status.readyReplicas ?? 0) &&
    (old.availableReplicas ?? 0) === (status.availableReplicas ?? 0) &&
    old.terminatingReplicas === status.terminatingReplicas &&
    old.observedGeneration === status.observedGeneration &&
    equal(old.conditions, status.conditions)
  )
    return [];
  const object: KubeObject & { status: ReplicaSetStatus } = { ...replicaSet, status };
  return [{ op: 'update', gvr: replicaSets, object, subresource: 'status', tolerate: ['NotFound'] }];
}

function statusOf(
  { replicaSet, active, terminating }: Observed,
  failure: string | undefined,
  now: number,
): ReplicaSetStatus {
  const minReady = replicaSet.spec?.minReadySeconds ?? 0;
  const labelled = selectorFromLabels(replicaSet.spec?.template?.metadata?.labels);
  let [fullyLabeled, ready, available] = [0, 0, 0];
  for (const pod of active) {
    if (labelled.matches(pod.metadata.labels)) fullyLabeled++;
    const wait = availableInMs(pod, minReady, now);
    if (wait !== undefined) ready++;
    if (wait === 0) available++;
  }
  const conditions = conditionsOf(replicaSet, active.length, failure, now);
  return {
    replicas: active.length,
    ...(fullyLabeled > 0 && { fullyLabeledReplicas: fullyLabeled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    terminatingReplicas: terminating,
    ...(replicaSet.metadata.generation && { observedGeneration: replicaSet.metadata.generation }),
    ...(conditions.length > 0 && { conditions }),
  };
}
function conditionsOf(
  replicaSet: ReplicaSet,
  count: number,
  failure: string | undefined,
  now: number,
): ReplicaSetCondition[] {
  const old = replicaSet.status?.conditions ?? [];
  const others = old.filter((c) => c.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  if (others.length < old.length) return old;
  const reason = count < (replicaSet.spec?.replicas ?? 0) ? 'FailedCreate' : 'FailedDelete';
  const condition = {
    type: 'ReplicaFailure',
    status: 'True',
    lastTransitionTime: formatTime(now),
    reason,
    message: failure,
  };
  return [...others, condition];
}
/** When the next ready pod becomes available, if any is still to. */
export function nextAvailability({ replicaSet, active }: Observed, now: number): number | undefined {
  const minReady = replicaSet.spec?.minReadySeconds ?? 0;
  if (minReady === 0) return undefined;
  let soonest: number | undefined;
  for (const pod of active) {
    const wait = availableInMs(pod, minReady, now);
    if (wait !== undefined && wait > 0 && (soonest === undefined || wait < soonest)) soonest = wait;
  }
  return soonest;
}
