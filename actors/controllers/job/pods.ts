import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { ContainerStatus, Pod } from '../../../schemas/generated/core-v1.ts';
import { isSidecar } from '../../../schemas/helpers/pod-resources.ts';
import type { Intent } from '../../runtime/intent.ts';
import { podCondition } from '../../runtime/pods.ts';
import { pods as podsResource } from '../../runtime/resources.ts';
import { timeOf } from '../../runtime/time.ts';

/** Pods that carry it have not been counted in their Job's status yet, and cannot go before they are. */
export const TRACKING = 'batch.kubernetes.io/job-tracking';
export const isTracked = ({ metadata }: Pod): boolean => metadata.finalizers?.includes(TRACKING) === true;

export const isIndexed = ({ spec }: Job): boolean => spec?.completionMode === 'Indexed';
export const isSuspended = ({ spec }: Job): boolean => spec?.suspend === true;
/** Whether a pod is replaced only when it is over, and not when it is merely being deleted. */
export const replacesOnlyFailed = ({ spec }: Job): boolean =>
  spec?.podReplacementPolicy === 'Failed' || spec?.podFailurePolicy !== undefined;
export const isPodFailed = (pod: Pod, job: Job): boolean =>
  pod.status?.phase === 'Failed' ||
  (!replacesOnlyFailed(job) && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded');

/** Lets the pod go. */
export const untrack = ({ metadata }: Pod): Intent => ({
  op: 'patch',
  gvr: podsResource,
  namespace: metadata.namespace,
  name: metadata.name!,
  type: 'strategic',
  patch: { metadata: { uid: metadata.uid, '$deleteFromPrimitiveList/finalizers': [TRACKING] } },
  // Gone, or another of the same name by now; after a conflict it still has it, and would be counted twice.
  tolerate: ['NotFound', 'Invalid'],
});
/**
 * Lets a pod go that nobody counts, if it is as it was seen: one that has ended since is work done, and must be counted.
 * Thrown by the write: Conflict. (Upstream does not look: a completion that its cache has not heard of is lost.)
 */
export const untrackUnchanged = (pod: Pod): Intent => {
  const { name, namespace, uid, resourceVersion } = pod.metadata;
  const metadata = { uid, resourceVersion, '$deleteFromPrimitiveList/finalizers': [TRACKING] };
  return { op: 'patch', gvr: podsResource, namespace, name: name!, type: 'strategic', patch: { metadata }, tolerate: ['NotFound', 'Invalid'] }; // prettier-ignore
};
export const remove = ({ metadata }: Pod): Intent => ({
  op: 'delete',
  gvr: podsResource,
  namespace: metadata.namespace,
  name: metadata.name!,
  uid: metadata.uid,
  tolerate: ['Conflict'],
});

/** When the pod was over, in ms: by its containers, else as near as can be told. Source: getFinishedTime. */
export function finishedAt(pod: Pod): number {
  const { metadata, status } = pod;
  const byContainers = latestEnd([...(status?.containerStatuses ?? []), ...sidecarStatuses(pod)]);
  if (byContainers !== undefined) return byContainers;
  const ready = podCondition(pod, 'Ready');
  const unready = ready?.status === 'False' ? timeOf(ready.lastTransitionTime) : undefined;
  if (unready !== undefined) return unready;
  const deleted = timeOf(metadata.deletionTimestamp);
  if (deleted !== undefined) return deleted - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
  return timeOf(metadata.creationTimestamp) ?? 0;
}
function sidecarStatuses({ spec, status }: Pod): readonly ContainerStatus[] {
  const names = new Set(spec?.initContainers?.filter(isSidecar).map((c) => c.name));
  return status?.initContainerStatuses?.filter((s) => names.has(s.name)) ?? [];
}
/** undefined unless all of them have ended. */
function latestEnd(statuses: readonly ContainerStatus[]): number | undefined {
  let latest: number | undefined;
  for (const { state } of statuses) {
    const end = timeOf(state?.terminated?.finishedAt);
    if (end === undefined) return undefined;
    latest = Math.max(latest ?? end, end);
  }
  return latest;
}
