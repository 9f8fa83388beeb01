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
  const leftMs = leftOf(job, now);
  if (leftMs === undefined || deletionTimestamp !== undefined) return { intents: [] };
  if (leftMs > 0) return { intents: [], requeueAfterMs: leftMs };
  const gone = { namespace, name: name!, uid, resourceVersion, propagationPolicy: 'Foreground' } as const;
  return { intents: [{ op: 'delete', gvr: jobs, ...gone }] };
}
/** How long the Job is to stay, in ms; undefined: for ever, or it is not finished. */
function leftOf(job: Job, now: number): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec ?? {};
  const since = timeOf(finishOf(job)?.lastTransitionTime);
  if (ttlSecondsAfterFinished === undefined || since === undefined) return undefined;
  return Math.max(0, since + ttlSecondsAfterFinished * 1000 - now);
}
