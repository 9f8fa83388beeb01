import type { Job } from '../../../schemas/generated/batch-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';
import { jobs as jobsResource } from '../../runtime/resources.ts';
import { expiryOf, reconcile } from './reconcile.ts';

/** Deletes Jobs that have been finished for long enough. */
export function startTtlAfterFinishedController(deps: ControllerDeps): Controller {
  const jobs = deps.informers.for<Job>(jobsResource);
  const late = deps.metrics
    ?.histogram(
      {
        name: 'ttl_after_finished_controller_job_deletion_duration_seconds',
        stability: 'ALPHA',
        help: 'The time it took to delete the job since it became eligible for deletion',
      },
      exponentialBuckets(0.1, 2, 14),
    )
    .at({});
  return startController({
    name: 'ttl-after-finished',
    ...deps,
    client: deps.client('controller:ttl-after-finished'),
    sources: [source(jobs, (job) => (job.spec?.ttlSecondsAfterFinished === undefined ? [] : [keyOf(job)]))],
    sync: async ({ key, now, execute }) => {
      const job = jobs.get(key);
      if (job === undefined) return {};
      const { intents, requeueAfterMs } = reconcile(job, now);
      await execute(intents, { onDeleted: () => late?.add((deps.world.clock.now() - expiryOf(job)!) / 1_000) });
      return { requeueAfterMs };
    },
  });
}
