import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { isPodActive, isPodReady, isPodTerminating } from '../../runtime/pods.ts';
import { withFinished, type Backoff } from './backoff.ts';
import { COMPLETION_INDEX, countOf, hasIndex, indexSet, NO_INDEXES, parseIndexes, validIndexOf, withIndexes, type Indexes } from './indexes.ts'; // prettier-ignore
import { finishedAt, isIndexed, isPodFailed, isTracked } from './pods.ts';
import { failureVerdict } from './policies.ts';

export interface Observed {
  readonly job: Job;
  /** Claimed, also those that are over or on their way out. */
  readonly pods: readonly Pod[];
  /** As it was after the last sync. */
  readonly backoff: Backoff;
}
/** What a Job has, counted: what its status says and what its pods say that it does not say yet. */
export interface Tally {
  readonly job: Job;
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly ready: number;
  readonly terminating: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly completions: number | undefined;
  /** Of an Indexed Job: as the status has them, and with the pods that are not counted yet. */
  readonly countedIndexes: Indexes;
  readonly succeededIndexes: Indexes;
  /** Where each index has a limit of its own. */
  readonly failedIndexes: Indexes | undefined;
  /** Failed pods that stay until their index has another, which takes over their count of failures. */
  readonly delayed: ReadonlyMap<number, Pod>;
  readonly backoff: Backoff;
}

export function tally({ job, pods, backoff }: Observed): Tally {
  const { spec, status } = job;
  const completions = spec?.completions;
  const room = completions ?? Infinity;
  const uncounted = status?.uncountedTerminatedPods ?? {};
  const active = pods.filter(isPodActive);
  const news = (counted: readonly string[] | undefined, over: (pod: Pod) => boolean): readonly Pod[] => {
    const known = new Set(counted);
    return pods.filter(
      (pod) =>
        isTracked(pod) &&
        !known.has(pod.metadata.uid!) &&
        (!isIndexed(job) || validIndexOf(pod, room) !== undefined) &&
        over(pod),
    );
  };
  const newSucceeded = news(uncounted.succeeded, (pod) => pod.status?.phase === 'Succeeded');
  const newFailed = news(uncounted.failed, (pod) => isPodFailed(pod, job));
  const counts = (pod: Pod): boolean => failureVerdict(spec?.podFailurePolicy, pod).counts;

  const countedIndexes = isIndexed(job) ? parseIndexes(status?.completedIndexes, room) : NO_INDEXES;
  const succeededIndexes = isIndexed(job) ? withIndexes(countedIndexes, indexesOf(pods, room, isSuccess)) : NO_INDEXES;
  const failedIndexes =
    isIndexed(job) && spec?.backoffLimitPerIndex !== undefined
      ? withIndexes(
          parseIndexes(status?.failedIndexes, room),
          indexesOf(pods, room, (pod) => hasIndexFailed(job, pod)),
        )
      : undefined;
  return {
    job, pods, active, completions, countedIndexes, succeededIndexes, failedIndexes,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    succeeded: isIndexed(job)
      ? countOf(succeededIndexes)
      : (status?.succeeded ?? 0) + newSucceeded.length + (uncounted.succeeded?.length ?? 0),
    failed: (status?.failed ?? 0) + newFailed.filter(counts).length + (uncounted.failed?.length ?? 0),
    delayed: failedIndexes ? delayedPods(job, pods, active, succeededIndexes, failedIndexes, room) : NOBODY,
    backoff: withFinished(backoff, newSucceeded, newFailed),
  }; // prettier-ignore
}
const NOBODY: ReadonlyMap<number, Pod> = new Map();
const isSuccess = (pod: Pod): boolean => pod.status?.phase === 'Succeeded';

function* indexesOf(pods: readonly Pod[], room: number, chosen: (pod: Pod) => boolean): Iterable<number> {
  for (const pod of pods) {
    const index = validIndexOf(pod, room);
    if (index !== undefined && isTracked(pod) && chosen(pod)) yield index;
  }
}
function hasIndexFailed(job: Job, pod: Pod): boolean {
  if (!isPodFailed(pod, job)) return false;
  const { counts, action } = failureVerdict(job.spec?.podFailurePolicy, pod);
  return action === 'FailIndex' || (counts && countedFailures(pod) >= (job.spec?.backoffLimitPerIndex ?? Infinity));
}

const FAILURES = 'batch.kubernetes.io/job-index-failure-count';
const IGNORED = 'batch.kubernetes.io/job-index-ignored-failure-count';
function numberIn({ metadata }: Pod, annotation: string): number {
  const text = metadata.annotations?.[annotation] ?? '';
  return /^\+?\d+$/.test(text) && Number(text) < 2 ** 31 ? Number(text) : 0;
}
const countedFailures = (pod: Pod): number => numberIn(pod, FAILURES);
/** Failures of the index before this pod, whether or not they count. */
export const earlierFailures = (pod: Pod): number => numberIn(pod, FAILURES) + numberIn(pod, IGNORED);

/** What the next pod of an index says of those before it. Source: pkg/controller/job getNewIndexFailureCounts. */
export function indexAnnotations(job: Job, index: number, replaced: Pod | undefined): Record<string, string> {
  const annotations: Record<string, string> = { [COMPLETION_INDEX]: String(index) };
  if (job.spec?.backoffLimitPerIndex === undefined) return annotations;
  const counts = replaced !== undefined && failureVerdict(job.spec.podFailurePolicy, replaced).counts;
  const failures = replaced === undefined ? 0 : countedFailures(replaced) + (counts ? 1 : 0);
  const ignored = replaced === undefined ? 0 : numberIn(replaced, IGNORED) + (counts ? 0 : 1);
  return { ...annotations, [FAILURES]: String(failures), ...(ignored > 0 && { [IGNORED]: String(ignored) }) };
}
/** Source: pkg/controller/job getPodsWithDelayedDeletionPerIndex. */
function delayedPods(
  job: Job,
  pods: readonly Pod[],
  active: readonly Pod[],
  succeeded: Indexes,
  failed: Indexes,
  room: number,
): ReadonlyMap<number, Pod> {
  const delayed = new Map<number, Pod>();
  const running = indexSet(active);
  for (const pod of pods) {
    const index = validIndexOf(pod, room);
    if (index === undefined || !isTracked(pod) || !isPodFailed(pod, job)) continue;
    if (hasIndex(succeeded, index) || hasIndex(failed, index) || running.has(index)) continue;
    const other = delayed.get(index);
    if (other === undefined || (earlierFailures(other) <= earlierFailures(pod) && finishedAt(pod) >= finishedAt(other)))
      delayed.set(index, pod);
  }
  return delayed;
}
