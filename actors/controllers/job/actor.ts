import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { nothing, selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import type { Intent } from '../../runtime/intent.ts';
import { finishOf } from '../../runtime/jobs.ts';
import { ownedKeys } from '../../runtime/owned-keys.ts';
import { claim, controllerOf, settleClaims } from '../../runtime/owners.ts';
import { writePods, type PodFailure } from '../../runtime/pod-writes.ts';
import { jobs as jobsResource, pods as podsResource } from '../../runtime/resources.ts';
import { BY_CONTROLLER, byController, ownOrOrphaned } from '../../runtime/store.ts';
import { NO_BACKOFF, type Backoff } from './backoff.ts';
import { completed, deadlineInMs, endingOf, type Ending } from './ending.ts';
import { jobMetrics } from './metrics.ts';
import { isTracked, remove, TRACKING, untrack } from './pods.ts';
import { deletions, manageReplicas } from './replicas.ts';
import { tally, type Tally } from './tally.ts';
import { ended, isSameStatus, settled, track, type Done } from './tracking.ts';

/** Who else looks after a Job, if it is not us. */
const MANAGER = 'kubernetes.io/job-controller';
const isOurs = ({ spec }: Job): boolean => (spec?.managedBy ?? MANAGER) === MANAGER;
const KNOWN_MODES: readonly (string | undefined)[] = [undefined, 'NonIndexed', 'Indexed'];
/** Tracked pods by the Job that they name, as `namespace/name`; those that name none, by their own name. */
const BY_JOB = 'job';
const lonely = ({ metadata }: Pod): string => `${metadata.namespace}//${metadata.name}`;
const isJobs = (pod: Pod): boolean => {
  const owner = controllerOf(pod);
  return owner?.kind === 'Job' && owner.apiVersion === 'batch/v1';
};
const jobKeyOf = (pod: Pod): string | undefined => {
  const owner = controllerOf(pod);
  if (owner === undefined) return lonely(pod);
  return isJobs(pod) ? `${pod.metadata.namespace}/${owner.name}` : undefined;
};

/** Runs the pods of each Job until as many have succeeded as it asks for, and counts each once. */
export function startJobController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:job');
  const recorder = deps.recorderFor(client, 'job-controller');
  const jobs = deps.informers.for<Job>(jobsResource);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CONTROLLER, byController);
  pods.addIndex(BY_JOB, (pod) => {
    const key = isTracked(pod) ? jobKeyOf(pod) : undefined;
    return key === undefined ? [] : [key];
  });
  const backoffs = new Map<string, Backoff>();
  const metrics = deps.metrics && jobMetrics(deps.metrics, deps.world.clock);

  const keys = ownedKeys(jobs, 'Job', (job) => (isOurs(job) ? selectorFromObject(job.spec?.selector) : nothing));

  async function sync(context: SyncContext): Promise<SyncOutput> {
    const { key, now, signal, execute } = context;
    const began = metrics?.elapsed() ?? 0;
    const job = jobs.get(key);
    if (job && !isOurs(job)) return {};
    const isOver = !job || finishOf(job) !== undefined;
    // Whom nobody counts any more, nobody should keep.
    const left = [...pods.byIndex(BY_JOB, key)].filter((pod) => isOver || (isJobs(pod) && !isOwn(job, pod)));
    await execute(left.map(untrack));
    if (isOver) {
      backoffs.delete(key);
      return {};
    }
    if (!KNOWN_MODES.includes(job.spec?.completionMode)) {
      recorder.event(job, 'Warning', 'UnknownCompletionMode', 'Skipped Job sync because completion mode is unknown');
      return {};
    }
    const ofPods = claim(job, selectorFromObject(job.spec?.selector), podsResource, ownOrOrphaned(pods, job), { finalizer: TRACKING }); // prettier-ignore
    await settleClaims(job, [ofPods], { client, gvr: jobsResource, execute, signal });

    const counted = tally({ job, pods: ofPods.claimed.map(asClaimed(job)), backoff: backoffs.get(key) ?? NO_BACKOFF });
    const { done, failure, waitMs } = await writeJobPods(counted, context);
    await writeStatus(counted, done, context);
    metrics?.synced(job, began, { created: done.created, deleted: done.deleted.length }, failure !== undefined);
    if (failure) throw failure.error;
    const waits = [waitMs, done.ending ? undefined : deadlineInMs(job, now)].filter((ms) => ms !== undefined);
    return { requeueAfterMs: waits.length > 0 ? Math.min(...waits) : undefined };
  }

  /** Makes or deletes pods, and decides whether the Job ends. */
  async function writeJobPods(
    counted: Tally,
    context: SyncContext,
  ): Promise<{ readonly done: Done; readonly failure: PodFailure | undefined; readonly waitMs?: number | undefined }> {
    const { job, active } = counted;
    const { now, signal, execute } = context;
    const write = async (intents: readonly Intent[], doomed: readonly Pod[]): Promise<Pick<Done, 'created' | 'deleted'> & { readonly failure: PodFailure | undefined }> => {
      const seen = { created: 0, deleted: new Set<string>() };
      const counting: SyncContext['execute'] = (all, listen) =>
        execute(all, {
          onCreated: (object) => (seen.created++, listen?.onCreated?.(object)),
          onDeleted: (name) => (seen.deleted.add(name), listen?.onDeleted?.(name)),
        });
      const failure = await writePods(job, intents, recorder, { execute: counting, signal });
      if (intents[0]?.op === 'create') metrics?.created(counted, seen.created, intents.length - seen.created);
      const deleted = failure ? doomed.filter((pod) => seen.deleted.has(pod.metadata.name!)) : doomed;
      return { created: seen.created, deleted, failure };
    }; // prettier-ignore
    const ending = endingOf(counted, now);
    if (ending) {
      const { failure, ...done } = await write(active.map(remove), active);
      // It has not ended while pods of it may go on.
      return { done: { ...done, ending: failure ? undefined : ending, isManaged: false }, failure };
    }
    const isManaged = job.metadata.deletionTimestamp === undefined;
    const plan = isManaged ? manageReplicas(counted, now) : { create: [], remove: [] };
    const intents = plan.remove.length > 0 ? deletions(plan.remove) : plan.create;
    const { failure, ...done } = await write(intents, plan.remove);
    const left = active.length + done.created - done.deleted.length;
    return { done: { ...done, ending: completion(counted, left), isManaged }, failure, waitMs: plan.waitMs };
  }

  /** Counts what is over in the status, lets its pods go, and says so if that was the last. */
  async function writeStatus(counted: Tally, done: Done, { key, now, execute }: SyncContext): Promise<void> {
    let { job } = counted;
    const { status, release, isPartial, turned } = track(counted, done, now);
    const write = (next: Job['status']): Promise<void> => {
      const object: Job = { ...job, status: next };
      return execute([{ op: 'update', gvr: jobsResource, object, subresource: 'status' }], {
        onUpdated: (made) => {
          metrics?.counted(job.status, made);
          job = made;
        },
      });
    };
    if (!isSameStatus(job, status)) {
      await write(status);
      backoffs.set(key, counted.backoff);
      if (turned) recorder.event(job, 'Normal', turned, `Job ${turned.toLowerCase()}`);
    }
    await execute(release.map(untrack));
    const gone = new Set(release.map((pod) => pod.metadata.uid!));
    const kept = counted.pods.filter((pod) => isTracked(pod) && !gone.has(pod.metadata.uid!));
    const final = settled(status, new Set(kept.map((pod) => pod.metadata.uid!)));
    const finished = done.ending && !isPartial ? ended(final, done.ending, now) : undefined;
    if (!isSameStatus(job, finished ?? final)) await write(finished ?? final);
    if (finished) tellEnd(job, done.ending!);
  }
  function tellEnd(job: Job, ending: Ending): void {
    metrics?.finished(job, ending);
    if (ending.type === 'Failed') return recorder.event(job, 'Warning', ending.reason, ending.message);
    if ((job.status?.succeeded ?? 0) > (job.spec?.completions ?? Infinity))
      recorder.event(job, 'Warning', 'TooManySucceededPods', 'Too many succeeded pods running after completion count reached'); // prettier-ignore
    recorder.event(job, 'Normal', 'Completed', 'Job completed');
  }

  return startController({
    name: 'job',
    ...deps,
    client,
    recorder,
    sources: [
      source(jobs, (job) => [keyOf(job)]),
      source(pods, function* (pod, old) {
        metrics?.podSeen(pod, old);
        yield* keys(pod, old);
        if (isTracked(pod) && !controllerOf(pod)) yield lonely(pod);
      }),
    ],
    sync,
  });
}
const isOwn = (job: Job, pod: Pod): boolean => controllerOf(pod)?.uid === job.metadata.uid;
/** A pod that is being adopted gets the finalizer with its owner: it is to be counted. */
const asClaimed =
  (job: Job) =>
  (pod: Pod): Pod =>
    isOwn(job, pod) || isTracked(pod)
      ? pod
      : { ...pod, metadata: { ...pod.metadata, finalizers: [...(pod.metadata.finalizers ?? []), TRACKING] } };

/** Success is enough of it with no pod left, or any of it where the Job does not say how much. */
function completion({ completions, succeeded }: Tally, active: number): Ending | undefined {
  const isEnough = completions === undefined ? succeeded > 0 : succeeded >= completions;
  return isEnough && active === 0 ? completed : undefined;
}
