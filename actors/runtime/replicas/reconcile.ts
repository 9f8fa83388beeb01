import type { ReplicaSetCondition, ReplicaSetStatus } from '../../../schemas/generated/apps-v1.ts';
import type { Pod, PodTemplateSpec } from '../../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { selectorFromLabels, type Selector } from '../../../schemas/meta/selectors.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../intent.ts';
import { podFromTemplate } from '../pod-template.ts';
import { availableInMs } from '../pods.ts';
import { pods as podsResource } from '../resources.ts';
import { podsToDelete } from './rank.ts';

/** What ReplicaSets and ReplicationControllers have in common. */
export interface ReplicaOwner extends KubeObject {
  spec?:
    | {
        minReadySeconds?: number | undefined;
        replicas?: number | undefined;
        template?: PodTemplateSpec | undefined;
      }
    | undefined;
  status?: ReplicaSetStatus | undefined;
}
/** In what kinds of them differ. Source: pkg/controller/replication, which converts one into the other. */
export interface ReplicaKind<T extends ReplicaOwner> {
  /** The controller's folder. */
  readonly name: string;
  /** Who events come from. */
  readonly component: string;
  readonly gvr: GroupVersionResource;
  readonly kind: string;
  readonly selectorOf: (owner: T) => Selector;
  /** Whether the status has a place for pods on their way out. */
  readonly countsTerminating: boolean;
}
export interface Observed {
  readonly owner: ReplicaOwner;
  /** Claimed, neither terminal nor being deleted. */
  readonly active: readonly Pod[];
  /** Claimed pods on their way out. */
  readonly terminating: number;
  /** Active pods on a node, of all sets with the same owner. */
  readonly related: (node: string) => number;
}
/** Source: pkg/controller/replicaset BurstReplicas. */
export const BURST = 500;

/** The pods to create or delete, at most 500 of them; the rest follows once these are seen. */
export function manageReplicas({ owner, active, related }: Observed, now: number): readonly Intent[] {
  if (owner.metadata.deletionTimestamp) return [];
  const missing = (owner.spec?.replicas ?? 0) - active.length;
  if (missing === 0) return [];
  if (missing > 0) {
    const object = podFromTemplate(owner, owner.spec?.template);
    const create: Intent = { op: 'create', gvr: podsResource, object, place: '' };
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
export function updateStatus(
  { gvr, countsTerminating }: Pick<ReplicaKind<ReplicaOwner>, 'gvr' | 'countsTerminating'>,
  observed: Observed,
  failure: string | undefined,
  now: number,
): readonly Intent[] {
  const { owner } = observed;
  const old = owner.status;
  const status = statusOf(countsTerminating, observed, failure, now);
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
  const object: ReplicaOwner = { ...owner, status };
  return [{ op: 'update', gvr, object, subresource: 'status', tolerate: ['NotFound'] }];
}

function statusOf(
  countsTerminating: boolean,
  { owner, active, terminating }: Observed,
  failure: string | undefined,
  now: number,
): ReplicaSetStatus {
  const minReady = owner.spec?.minReadySeconds ?? 0;
  const labelled = selectorFromLabels(owner.spec?.template?.metadata?.labels);
  let [fullyLabeled, ready, available] = [0, 0, 0];
  for (const pod of active) {
    if (labelled.matches(pod.metadata.labels)) fullyLabeled++;
    const wait = availableInMs(pod, minReady, now);
    if (wait !== undefined) ready++;
    if (wait === 0) available++;
  }
  const conditions = conditionsOf(owner, active.length, failure, now);
  return {
    replicas: active.length,
    ...(fullyLabeled > 0 && { fullyLabeledReplicas: fullyLabeled }),
    ...(ready > 0 && { readyReplicas: ready }),
    ...(available > 0 && { availableReplicas: available }),
    ...(countsTerminating && { terminatingReplicas: terminating }),
    ...(owner.metadata.generation && { observedGeneration: owner.metadata.generation }),
    ...(conditions.length > 0 && { conditions }),
  };
}
function conditionsOf(
  owner: ReplicaOwner,
  count: number,
  failure: string | undefined,
  now: number,
): ReplicaSetCondition[] {
  const old = owner.status?.conditions ?? [];
  const others = old.filter((c) => c.type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  if (others.length < old.length) return old;
  const reason = count < (owner.spec?.replicas ?? 0) ? 'FailedCreate' : 'FailedDelete';
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
export function nextAvailability({ owner, active }: Observed, now: number): number | undefined {
  const minReady = owner.spec?.minReadySeconds ?? 0;
  if (minReady === 0) return undefined;
  let soonest: number | undefined;
  for (const pod of active) {
    const wait = availableInMs(pod, minReady, now);
    if (wait !== undefined && wait > 0 && (soonest === undefined || wait < soonest)) soonest = wait;
  }
  return soonest;
}
