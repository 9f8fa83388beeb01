import type { Job, JobCondition } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { timeOf } from '../../runtime/time.ts';
import { countOf } from './indexes.ts';
import { isPodFailed, isSuspended } from './pods.ts';
import { failureVerdict, successReason } from './policies.ts';
import type { Tally } from './tally.ts';

/** How a Job ends, decided but not yet so: pods are to go and to be counted first. */
export interface Ending {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
  /** Whether the status says already that this will be. */
  readonly isAnnounced: boolean;
}
/** What is said of it until all pods are counted. */
export const ANNOUNCED_BY = { Complete: 'SuccessCriteriaMet', Failed: 'FailureTarget' } as const;

export const completed: Ending = {
  type: 'Complete',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
  isAnnounced: false,
};
const failed = (reason: string, message: string): Ending => ({ type: 'Failed', reason, message, isAnnounced: false });

export const conditionOf = ({ status }: Job, type: string): JobCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);
const holds = (job: Job, type: string): JobCondition | undefined => {
  const condition = conditionOf(job, type);
  return condition?.status === 'True' ? condition : undefined;
};

/** What is decided already stays so; then failures, then success. Source: pkg/controller/job syncJob. */
export function endingOf(tally: Tally, now: number): Ending | undefined {
  const { job, pods } = tally;
  for (const type of ['Complete', 'Failed'] as const) {
    const said = holds(job, ANNOUNCED_BY[type]);
    if (said) return { type, reason: said.reason ?? '', message: said.message ?? '', isAnnounced: true };
  }
  for (const pod of pods) {
    const why = isPodFailed(pod, job) ? failureVerdict(job.spec?.podFailurePolicy, pod).jobFails : undefined;
    if (why !== undefined) return failed('PodFailurePolicy', why);
  }
  const limit = job.spec?.backoffLimit ?? Infinity;
  if (tally.failed > limit || restartsExceed(job, pods, limit))
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  if (deadlineInMs(job, now) === 0) return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  return endingOfIndexes(tally);
}
function endingOfIndexes({ job, completions = 0, succeededIndexes, failedIndexes }: Tally): Ending | undefined {
  const lost = failedIndexes === undefined ? 0 : countOf(failedIndexes);
  if (lost > (job.spec?.maxFailedIndexes ?? Infinity))
    return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
  if (lost > 0 && lost + countOf(succeededIndexes) >= completions)
    return failed('FailedIndexes', 'Job has failed indexes');
  const message = successReason(job.spec?.successPolicy, completions, succeededIndexes);
  return message === undefined ? undefined : { type: 'Complete', reason: 'SuccessPolicy', message, isAnnounced: false };
}
/** Pods that restart in place count their restarts instead of their failures. Source: pastBackoffLimitOnFailure. */
function restartsExceed({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec?.template.spec?.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const { status } of pods) {
    if (status?.phase !== 'Running' && status?.phase !== 'Pending') continue;
    for (const { restartCount } of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])])
      restarts += restartCount;
  }
  return limit === 0 ? restarts > 0 : restarts >= limit;
}
/** How long the Job may still be active, in ms: 0 when it was long enough; undefined when nothing limits it now. */
export function deadlineInMs(job: Job, now: number): number | undefined {
  const { activeDeadlineSeconds } = job.spec ?? {};
  const started = timeOf(job.status?.startTime);
  if (activeDeadlineSeconds === undefined || isSuspended(job)) return undefined;
  return Math.max(0, activeDeadlineSeconds * 1000 - (now - (started ?? now)));
}
