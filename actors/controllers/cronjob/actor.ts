import type { CronJob, CronJobStatus, Job } from '../../../schemas/generated/batch-v1.ts';
import type { ObjectReference } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import type { Intent } from '../../runtime/intent.ts';
import { controllerOf } from '../../runtime/owners.ts';
import { cronJobs as cronJobsResource, jobs as jobsResource } from '../../runtime/resources.ts';
import { BY_CONTROLLER, byController } from '../../runtime/store.ts';
import { timeOf } from '../../runtime/time.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';
import { plan, started, without, type Start } from './reconcile.ts';

/** Makes a Job whenever a CronJob's schedule says so, and clears away what has long been over. */
export function startCronJobController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:cronjob');
  const recorder = deps.recorderFor(client, 'cronjob-controller');
  const cronJobs = deps.informers.for<CronJob>(cronJobsResource);
  const jobs = deps.informers.for<Job>(jobsResource);
  jobs.addIndex(BY_CONTROLLER, byController);
  const skew = deps.metrics
    ?.histogram(
      {
        name: 'cronjob_controller_job_creation_skew_duration_seconds',
        stability: 'STABLE',
        help: 'Time between when a cronjob is scheduled to be run, and when the corresponding job is created',
      },
      exponentialBuckets(1, 2, 10),
    )
    .at({});

  async function sync(context: SyncContext): Promise<SyncOutput> {
    const { key, now } = context;
    const cronJob = cronJobs.get(key);
    if (!cronJob) return {};
    const own = [...jobs.byIndex(BY_CONTROLLER, cronJob.metadata.uid!)];
    const gone = await goneAmong(cronJob, own, context);
    const { status, events, surplus, start, requeueAfterMs } = plan({ cronJob, jobs: own, gone }, now);
    for (const { type, reason, message } of events) recorder.event(cronJob, type, reason, message);
    let next = status;
    for (const { metadata } of surplus)
      if (await remove(cronJob, metadata, context)) next = without(next, metadata.uid);
    let failure: { readonly error: unknown } | undefined;
    if (start) {
      try {
        for (const reference of start.replaces) {
          if (!(await remove(cronJob, reference, context)))
            throw new Error(`could not replace job ${reference.namespace}/${reference.name}`);
          next = without(next, reference.uid);
        }
        const job = await make(cronJob, start, context);
        if (job && !next.active?.some(({ uid }) => uid === job.metadata.uid)) next = started(next, start, job);
      } catch (error) {
        failure = { error };
      }
    }
    await writeStatus(cronJob, next, context);
    if (failure) throw failure.error;
    return { requeueAfterMs };
  }

  /** Active ones that nobody knows any more. The API is asked, since the cache may be late. */
  async function goneAmong(
    cronJob: CronJob,
    own: readonly Job[],
    { signal }: SyncContext,
  ): Promise<ReadonlySet<string>> {
    const known = new Set(own.map((job) => job.metadata.uid));
    const gone = new Set<string>();
    for (const { uid, name, namespace } of cronJob.status?.active ?? []) {
      if (known.has(uid)) continue;
      try {
        await client.get<Job>(jobsResource, name!, namespace, { signal });
      } catch (error) {
        if (reasonOf(error) !== 'NotFound') throw error;
        gone.add(uid!);
      }
    }
    return gone;
  }
  async function remove(cronJob: CronJob, job: ObjectReference, { execute, signal }: SyncContext): Promise<boolean> {
    const { name, namespace } = job;
    const intent: Intent = { op: 'delete', gvr: jobsResource, namespace, name: name!, propagationPolicy: 'Background' };
    try {
      await execute([intent]);
    } catch (error) {
      signal.throwIfAborted();
      recorder.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
      return false;
    }
    recorder.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    return true;
  }
  /** The Job as it is then; undefined when another than this CronJob has made one of that name. */
  async function make(
    cronJob: CronJob,
    { job, time }: Start,
    { execute, signal }: SyncContext,
  ): Promise<Job | undefined> {
    let made: Job | undefined;
    try {
      await execute([{ op: 'create', gvr: jobsResource, object: job }], {
        onCreated: (object) => (made = object as Job),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (reasonOf(error) === 'AlreadyExists') {
        // Made by a sync that came no further, perhaps in another process.
        const { name, namespace } = job.metadata;
        const found = await client.get<Job>(jobsResource, name!, namespace, { signal });
        return controllerOf(found)?.uid === cronJob.metadata.uid ? found : undefined;
      }
      if (!isNamespaceTerminating(error))
        recorder.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${(error as Error).message}`);
      throw error;
    }
    skew?.add(((timeOf(made?.metadata.creationTimestamp) ?? time) - time) / 1_000);
    recorder.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${job.metadata.name}`);
    return made;
  }
  async function writeStatus(cronJob: CronJob, status: CronJobStatus, { execute }: SyncContext): Promise<void> {
    if (equal(cronJob.status ?? {}, status)) return;
    await execute([
      { op: 'update', gvr: cronJobsResource, object: { ...cronJob, status } as CronJob, subresource: 'status' },
    ]);
  }

  return startController({
    name: 'cronjob',
    ...deps,
    client,
    recorder,
    sources: [
      source(cronJobs, (cronJob) => [keyOf(cronJob)]),
      source(jobs, function* (job, old) {
        for (const object of old ? [job, old] : [job]) {
          const owner = controllerOf(object);
          if (owner?.kind === 'CronJob') yield `${object.metadata.namespace}/${owner.name}`;
        }
      }),
    ],
    sync,
  });
}
