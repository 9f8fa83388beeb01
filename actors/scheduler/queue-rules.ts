import type { Entry } from './queue.ts';
import type { PodInfo } from './snapshot/pod-info.ts';

/** Source: plugins/queuesort PrioritySort. */
export const isBefore = (a: Entry, b: Entry): boolean =>
  a.pod.priority > b.pod.priority || (a.pod.priority === b.pod.priority && a.since < b.since);
export const isGated = (pod: PodInfo): boolean => (pod.pod.spec?.schedulingGates?.length ?? 0) > 0;

/** Status alone (the condition we wrote ourselves) is no reason to try again, unless it names claims. */
export function changedForScheduling(before: PodInfo, now: PodInfo): boolean {
  return (
    before.pod.metadata.generation !== now.pod.metadata.generation ||
    JSON.stringify(before.labels) !== JSON.stringify(now.labels) ||
    JSON.stringify(before.tolerations) !== JSON.stringify(now.tolerations) ||
    JSON.stringify(before.pod.status?.resourceClaimStatuses) !== JSON.stringify(now.pod.status?.resourceClaimStatuses)
  );
}
