import type { Job, JobCondition, JobStatus } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { timeOf } from '../../runtime/time.ts';
import { ANNOUNCED_BY, conditionOf, type Ending } from './ending.ts';
import { countOf, formatIndexes, hasIndex, indexOf, validIndexOf, withIndexes } from './indexes.ts';
import { isIndexed, isPodFailed, isSuspended, isTracked } from './pods.ts';
import { failureVerdict } from './policies.ts';
import type { Tally } from './tally.ts';

/** What was done to the pods in this sync, and what was decided. */
export interface Done {
  readonly created: number;
  readonly deleted: readonly Pod[];
  readonly ending: Ending | undefined;
  /** Whether the number of pods was seen to: then the status says if the Job is suspended. */
  readonly isManaged: boolean;
}
/** What the status is to say before pods are let go, and which are to be. */
export interface Tracking {
  readonly status: JobStatus;
  readonly release: readonly Pod[];
  /** More pods are to be counted than fit at once. */
  readonly isPartial: boolean;
  /** What became of `suspend`, if that is news. */
  readonly turned?: 'Suspended' | 'Resumed';
}
/** As many as keep the status below some 20 KB. Source: pkg/controller/job MaxUncountedPods. */
export const MAX_UNCOUNTED = 500;

/**
 * Counts pods that are over, each once whatever happens in between: first its uid goes into the status, then its finalizer
 * goes, then its uid becomes a number (`settled`). Source: pkg/controller/job trackJobStatusAndRemoveFinalizers.
 */
export function track(tally: Tally, done: Done, now: number): Tracking {
  const { job, pods, completions = Infinity } = tally;
  const { ending } = done;
  const tracked = new Set(pods.filter(isTracked).map((pod) => pod.metadata.uid!));
  const before = settled(withoutNothing(job.status), tracked);
  const succeeded = [...(before.uncountedTerminatedPods?.succeeded ?? [])];
  const failed = [...(before.uncountedTerminatedPods?.failed ?? [])];
  const [known, lost] = [new Set(succeeded), new Set(failed)];
  const indexes: number[] = [];
  const release: Pod[] = [];
  let isPartial = false;
  for (const pod of isIndexed(job) ? inOrderOfIndexes(pods) : pods) {
    if (!isTracked(pod)) continue;
    const isFailed = isPodFailed(pod, job);
    if (!mayGo(tally, pod, isFailed, ending)) continue;
    release.push(pod);
    const uid = pod.metadata.uid!;
    const index = validIndexOf(pod, completions);
    if (pod.status?.phase === 'Succeeded' && !lost.has(uid)) {
      if (!isIndexed(job)) {
        if (!known.has(uid)) succeeded.push(uid);
      } else if (index !== undefined && !hasIndex(tally.countedIndexes, index)) indexes.push(index);
    } else if (isFailed || ending?.type === 'Failed') {
      const isNew = !lost.has(uid) && (!isIndexed(job) || index !== undefined);
      if (isNew && failureVerdict(job.spec?.podFailurePolicy, pod).counts) failed.push(uid);
    }
    isPartial = indexes.length + succeeded.length + failed.length >= MAX_UNCOUNTED;
    if (isPartial) break;
  }
  const status: JobStatus = {
    ...before,
    active: tally.active.length + done.created - done.deleted.length,
    ready: tally.ready - done.deleted.filter(isPodReady).length,
    terminating: tally.terminating + done.deleted.length,
    uncountedTerminatedPods: lists(succeeded, failed),
  };
  if (isIndexed(job)) {
    const all = withIndexes(tally.succeededIndexes, indexes);
    status.succeeded = countOf(all);
    status.completedIndexes = formatIndexes(all);
    if (tally.failedIndexes) status.failedIndexes = formatIndexes(tally.failedIndexes);
    else delete status.failedIndexes;
  }
  const turned = turn(job, status, done, now);
  if (ending && !ending.isAnnounced)
    status.conditions = withCondition(status.conditions, { ...ending, type: ANNOUNCED_BY[ending.type] }, 'True', now);
  return { status: withoutNothing(status), release, isPartial, ...(turned && { turned }) };
}
/** Whether the pod need not be kept for its Job's sake any more. */
function mayGo({ job, delayed }: Tally, pod: Pod, isFailed: boolean, ending: Ending | undefined): boolean {
  if (job.metadata.deletionTimestamp !== undefined || ending || pod.status?.phase === 'Succeeded') return true;
  const index = indexOf(pod);
  return isFailed && (index === undefined || delayed.get(index)?.metadata.uid !== pod.metadata.uid);
}
const inOrderOfIndexes = (pods: readonly Pod[]): readonly Pod[] =>
  pods.toSorted((a, b) => (indexOf(a) ?? -1) - (indexOf(b) ?? -1));

/** When the Job began, and whether it is suspended. */
function turn(job: Job, status: JobStatus, { isManaged, ending }: Done, now: number): Tracking['turned'] {
  const isOff = isSuspended(job);
  if (status.startTime === undefined && !isOff) status.startTime = formatTime(now);
  if (!isManaged || ending) return undefined;
  const old = conditionOf(job, 'Suspended');
  if (isOff ? old?.status === 'True' : old?.status !== 'True') return undefined;
  const what = isOff
    ? { reason: 'JobSuspended', message: 'Job suspended' }
    : { reason: 'JobResumed', message: 'Job resumed' };
  status.conditions = withCondition(status.conditions, { type: 'Suspended', ...what }, isOff ? 'True' : 'False', now);
  if (isOff) delete status.startTime;
  else status.startTime = formatTime(now);
  return isOff ? 'Suspended' : 'Resumed';
}
type Said = Pick<JobCondition, 'type' | 'reason' | 'message'>;
function withCondition(
  list: readonly JobCondition[] = [],
  { type, reason, message }: Said,
  status: string,
  now: number,
): JobCondition[] {
  const time = formatTime(now);
  const condition = { type, status, lastProbeTime: time, lastTransitionTime: time, reason, message };
  const at = list.findIndex((c) => c.type === type);
  return at < 0 ? [...list, condition] : list.with(at, condition);
}

/** Uids of pods that have lost their finalizer (not among `tracked`) become numbers. */
export function settled(status: JobStatus, tracked: ReadonlySet<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const keep = (uids: readonly string[]): string[] => uids.filter((uid) => tracked.has(uid));
  const [stillSucceeded, stillFailed] = [keep(succeeded), keep(failed)];
  return withoutNothing({
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - stillSucceeded.length,
    failed: (status.failed ?? 0) + failed.length - stillFailed.length,
    uncountedTerminatedPods: lists(stillSucceeded, stillFailed),
  });
}
/** The status of a Job that has ended; undefined while pods are to be counted or on their way out. */
export function ended(status: JobStatus, ending: Ending, now: number): JobStatus | undefined {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  if (succeeded.length + failed.length > 0 || (status.terminating ?? 0) > 0) return undefined;
  return {
    ...status,
    conditions: withCondition(status.conditions, ending, 'True', now),
    // Not before it began, which the API refuses: who noted the start may have had another clock.
    ...(ending.type === 'Complete' && { completionTime: formatTime(Math.max(now, timeOf(status.startTime) ?? now)) }),
  };
}
const lists = (succeeded: string[], failed: string[]): NonNullable<JobStatus['uncountedTerminatedPods']> => ({
  ...(succeeded.length > 0 && { succeeded }),
  ...(failed.length > 0 && { failed }),
});
/** Numbers that Go leaves out when they are zero are left out here, so that equal statuses are equal. */
function withoutNothing(status: JobStatus = {}): JobStatus {
  const copy = { ...status };
  for (const name of ['active', 'succeeded', 'failed'] as const) if (copy[name] === 0) delete copy[name];
  if (copy.completedIndexes === '') delete copy.completedIndexes;
  return copy;
}
export const isSameStatus = (job: Job, status: JobStatus): boolean => equal(withoutNothing(job.status), status);
