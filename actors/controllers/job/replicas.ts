import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { podFromTemplate } from '../../runtime/pod-template.ts';
import { isPodTerminating } from '../../runtime/pods.ts';
import { podsToDelete } from '../../runtime/replicas/rank.ts';
import { pods as podsResource } from '../../runtime/resources.ts';
import { remainingMs } from './backoff.ts';
import { COMPLETION_INDEX, firstPending, indexOf, indexSet, merge, NO_INDEXES, withIndexes } from './indexes.ts';
import {
  finishedAt,
  isIndexed,
  isSuspended,
  isTracked,
  remove,
  replacesOnlyFailed,
  TRACKING,
  untrackUnchanged,
} from './pods.ts';
import { earlierFailures, indexAnnotations, type Tally } from './tally.ts';

/** Pods to make, or pods to delete; never both in one sync. */
export interface Replicas {
  readonly create: readonly Intent[];
  readonly remove: readonly Pod[];
  /** How long until pods may be made again, in ms. */
  readonly waitMs?: number | undefined;
}
/** Source: pkg/controller/job MaxPodCreateDeletePerSync. */
export const BURST = 500;
const NOTHING: Replicas = { create: [], remove: [] };

/** Source: pkg/controller/job manageJob. */
export function manageReplicas(tally: Tally, now: number): Replicas {
  const { job, active, completions, succeeded, terminating } = tally;
  if (isSuspended(job)) return { ...NOTHING, remove: active };
  const parallelism = job.spec?.parallelism ?? 1;
  const want =
    completions === undefined
      ? succeeded > 0 ? active.length : parallelism
      : Math.max(0, Math.min(completions - succeeded, parallelism)); // prettier-ignore
  const surplus = toRemove(tally, Math.max(0, active.length - want), now).slice(0, BURST);
  if (surplus.length > 0) return { ...NOTHING, remove: surplus };
  const missing = want - active.length - (replacesOnlyFailed(job) ? terminating : 0);
  if (missing <= 0) return NOTHING;
  const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const waitMs = perIndex ? 0 : remainingMs(tally.backoff, now);
  if (waitMs > 0) return { ...NOTHING, waitMs };
  const count = Math.min(missing, BURST);
  if (!isIndexed(job)) return { ...NOTHING, create: Array<Intent>(count).fill(creation(plainPod(job))) };

  const indexes = pendingIndexes(tally, count);
  const waits = new Map(indexes.map((index) => [index, indexWaitMs(tally.delayed.get(index), now)]));
  const due = indexes.filter((index) => waits.get(index) === 0);
  if (due.length === 0) return { ...NOTHING, waitMs: waits.size > 0 ? Math.min(...waits.values()) : undefined };
  return { ...NOTHING, create: due.map((index) => creation(indexedPod(job, index, tally.delayed.get(index)))) };
}
/** Deletes pods that nobody counts: those of a suspended Job, and those too many. */
export const deletions = (pods: readonly Pod[]): readonly Intent[] => [
  ...pods.filter(isTracked).map(untrackUnchanged),
  ...pods.map(remove),
];

const indexWaitMs = (before: Pod | undefined, now: number): number =>
  before === undefined
    ? 0
    : remainingMs({ failures: earlierFailures(before) + 1, lastFailure: finishedAt(before) }, now);

function pendingIndexes(tally: Tally, count: number): readonly number[] {
  const { job, pods, active, completions = 0, succeededIndexes, failedIndexes = NO_INDEXES } = tally;
  let taken = merge(withIndexes(succeededIndexes, indexSet(active)), failedIndexes);
  if (replacesOnlyFailed(job)) taken = withIndexes(taken, indexSet(pods.filter(isPodTerminating)));
  return firstPending(taken, count, completions);
}
/** Those without a valid index and all but the best of each index, then the ones that hurt least to lose. */
function toRemove({ job, active, completions = 0 }: Tally, atLeast: number, now: number): readonly Pod[] {
  const nobody = (): number => 0;
  if (!isIndexed(job)) return podsToDelete(active, atLeast, nobody, now);
  const wrong: Pod[] = [];
  const left: Pod[] = [];
  for (const [index, pods] of Map.groupBy(active, indexOf)) {
    if (index === undefined || index >= completions) wrong.push(...pods);
    else {
      const extra = new Set(podsToDelete(pods, pods.length - 1, nobody, now));
      for (const pod of pods) (extra.has(pod) ? wrong : left).push(pod);
    }
  }
  return atLeast > wrong.length ? [...wrong, ...podsToDelete(left, atLeast - wrong.length, nobody, now)] : wrong;
}

/** Names of indexed pods tell their index, so that the place is told too. */
const creation = (object: Pod): Intent => ({ op: 'create', gvr: podsResource, object, place: '' });
function plainPod(job: Job): Pod {
  const pod = podFromTemplate(job, job.spec?.template);
  const { finalizers = [] } = pod.metadata;
  return {
    ...pod,
    metadata: { ...pod.metadata, finalizers: finalizers.includes(TRACKING) ? finalizers : [...finalizers, TRACKING] },
  };
}
const ENVIRONMENT = 'JOB_COMPLETION_INDEX';
const withIndex = (container: Container): Container =>
  container.env?.some(({ name }) => name === ENVIRONMENT)
    ? container
    : {
        ...container,
        env: [
          ...(container.env ?? []),
          { name: ENVIRONMENT, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${COMPLETION_INDEX}']` } } },
        ],
      };
/** Room that a generated name leaves for what is put before its random end. */
const MAX_PREFIX = 58;
function indexedPod(job: Job, index: number, replaced: Pod | undefined): Pod {
  const { metadata, spec, ...pod } = plainPod(job);
  const end = `-${index}-`;
  const { name } = job.metadata;
  return {
    ...pod,
    metadata: {
      ...metadata,
      generateName: `${name!.slice(0, MAX_PREFIX - end.length)}${end}`,
      labels: { ...metadata.labels, [COMPLETION_INDEX]: String(index) },
      annotations: { ...metadata.annotations, ...indexAnnotations(job, index, replaced) },
    },
    spec: {
      ...spec!,
      hostname: `${name}-${index}`,
      containers: spec!.containers.map(withIndex),
      ...(spec!.initContainers && { initContainers: spec!.initContainers.map(withIndex) }),
    },
  };
}
