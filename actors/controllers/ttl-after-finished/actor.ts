import type { Job } from '../../../schemas/generated/batch-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reconciling, source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { jobs as jobsResource } from '../../runtime/resources.ts';
import { reconcile } from './reconcile.ts';

/** Deletes Jobs that have been finished for long enough. */
export function startTtlAfterFinishedController(deps: ControllerDeps): Controller {
  const jobs = deps.informers.for<Job>(jobsResource);
  return startController({
    name: 'ttl-after-finished',
    ...deps,
    client: deps.client('controller:ttl-after-finished'),
    sources: [source(jobs, (job) => (job.spec?.ttlSecondsAfterFinished === undefined ? [] : [keyOf(job)]))],
    sync: reconciling((key) => jobs.get(key), reconcile),
  });
}
