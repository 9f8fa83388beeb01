import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { finishOf } from '../../runtime/jobs.ts';
import { jobs } from '../../runtime/resources.ts';
import { timeOf } from '../../runtime/time.ts';

/**
 * A Job goes, with its pods, once it has been finished for as long as it says. The revision is named with it: who made the
 * time longer meanwhile keeps it. Source: pkg/controller/ttlafterfinished processJob.
 */
export function reconcile(job: Job, now: number): Decision {
  const { namespace, name, uid, resourceVersion, deletionTimestamp } = job.metadata;
  const expires = expiryOf(job);
  if (expires === undefined || deletionTimestamp !== undefined) return { intents: [] };
  if (expires > now) return { intents: [], requeueAfterMs: expires - now };
  const gone = { namespace, name: name!, uid, resourceVersion, propagationPolicy: 'Foreground' } as const;
  return { intents: [{ op: 'delete', gvr: jobs, ...gone }] };
}
/** When the Job is to go, in ms since the epoch; undefined: never, or it is not finished. */
export function expiryOf(job: Job): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec ?? {};
  const since = timeOf(finishOf(job)?.lastTransitionTime);
  if (ttlSecondsAfterFinished === undefined || since === undefined) return undefined;
  return since + ttlSecondsAfterFinished * 1000;
}
