/** What the Job controller counts. Source: pkg/controller/job/metrics. */
import type { Clock } from '../../../bus/world.ts';
import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Registry } from '../../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import type { Ending } from './ending.ts';
import { countOf, parseIndexes } from './indexes.ts';
import { isIndexed, isTracked } from './pods.ts';
import type { Tally } from './tally.ts';

export interface JobMetrics {
  /** Milliseconds; only differences mean anything. */
  elapsed(): number;
  /** A sync that began then has ended. */
  synced(job: Job, since: number, done: { readonly created: number; readonly deleted: number }, failed: boolean): void;
  created(tally: Tally, succeeded: number, failed: number): void;
  /** The status was written. */
  counted(before: Job['status'], after: Job): void;
  finished(job: Job, ending: Ending): void;
  /** A pod came (`old` undefined) or changed. */
  podSeen(now: Pod, old: Pod | undefined): void;
}
const CREATIONS = `The number of Pods created by the Job controller labelled with a reason for the Pod creation.
This metric also distinguishes between Pods created using different PodReplacementPolicy settings.
Possible values of the "reason" label are:
"new", "recreate_terminating_or_failed", "recreate_failed".
Possible values of the "status" label are:
"succeeded", "failed".`;
const TERMINATED = `The number of terminated pods (phase=Failed|Succeeded)
that have the finalizer batch.kubernetes.io/job-tracking
The event label can be "add" or "delete".`;
const of = (what: string, stability: 'STABLE' | 'BETA' | 'ALPHA', help: string) =>
  ({ name: `job_controller_${what}`, stability, help }) as const;
const modeOf = (job: Job): string => (isIndexed(job) ? 'Indexed' : 'NonIndexed');

export function jobMetrics(registry: Registry, clock: Clock): JobMetrics {
  const elapsed = clock.elapsed ?? (() => clock.now());
  const syncs = registry.counter(of('job_syncs_total', 'STABLE', 'The number of job syncs'));
  const durations = registry.histogram(
    of('job_sync_duration_seconds', 'STABLE', 'The time it took to sync a job'),
    exponentialBuckets(0.004, 2, 15),
  );
  const finished = registry.counter(of('jobs_finished_total', 'STABLE', 'The number of finished jobs'));
  const pods = registry.counter(of('job_pods_finished_total', 'STABLE', 'The number of finished Pods that are fully tracked')); // prettier-ignore
  const creations = registry.counter(of('job_pods_creation_total', 'ALPHA', CREATIONS));
  const terminated = registry.counter(of('terminated_pods_tracking_finalizer_total', 'BETA', TERMINATED));
  const isWaiting = (pod: Pod | undefined): boolean => pod !== undefined && isPodTerminal(pod) && isTracked(pod);
  const succeededOf = (job: Job, status: Job['status']): number =>
    isIndexed(job)
      ? countOf(parseIndexes(status?.completedIndexes, job.spec?.completions ?? 0))
      : (status?.succeeded ?? 0);
  return {
    elapsed,
    synced(job, since, { created, deleted }, failed) {
      const labels = {
        action: created > 0 ? 'pods_created' : deleted > 0 ? 'pods_deleted' : 'tracking',
        completion_mode: modeOf(job),
        result: failed ? 'error' : 'success',
      };
      syncs.add(labels);
      durations.add(labels, (elapsed() - since) / 1_000);
    },
    created({ job, failed: failures, terminating }, succeeded, failed) {
      const onlyFailed = job.spec?.podReplacementPolicy === 'Failed';
      const reason =
        onlyFailed && failures > 0
          ? 'recreate_failed'
          : failures > 0 || terminating > 0
            ? 'recreate_terminating_or_failed'
            : 'new';
      if (succeeded > 0) creations.at({ reason, status: 'succeeded' }).n += succeeded;
      if (failed > 0) creations.at({ reason, status: 'failed' }).n += failed;
    },
    counted(before, after) {
      const completion_mode = modeOf(after);
      const succeeded = succeededOf(after, after.status) - succeededOf(after, before);
      pods.at({ completion_mode, result: 'succeeded' }).n += Math.max(0, succeeded);
      pods.at({ completion_mode, result: 'failed' }).n += Math.max(
        0,
        (after.status?.failed ?? 0) - (before?.failed ?? 0),
      );
    },
    finished: (job, { type, reason }) =>
      finished.add({ completion_mode: modeOf(job), reason, result: type === 'Failed' ? 'failed' : 'succeeded' }),
    podSeen(now, old) {
      const [was, is] = [isWaiting(old), isWaiting(now)];
      if (was !== is) terminated.add({ event: is ? 'add' : 'delete' });
    },
  };
}
