import type { CronJob, Job } from '../../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../../schemas/generated/core-v1.ts';
import { controllerOf, isActive, isFinished, nameOf, podsOf, type Invariant } from '../invariant.ts';

const TRACKING = 'batch.kubernetes.io/job-tracking';
const INDEX = 'batch.kubernetes.io/job-completion-index';

/** `1,3-5` as the indexes that it names. */
export function indexesOf(text: string | undefined): number[] {
  return (text ?? '')
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number);
      return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
    });
}

interface Seen {
  readonly succeeded: Set<string>;
  readonly failed: Set<string>;
}

/**
 * A Job counts each pod that has ended once: never more than have, never fewer than before, none twice; and no pod goes
 * before it is counted.
 */
export const completionsCountedOnce = (): Invariant => {
  const seen = new Map<string, Seen>();
  return {
    name: 'completions',
    check: ({ kind, before, after }) => {
      if (kind === 'Pod') {
        const owner = controllerOf(after ?? before);
        if (owner?.kind !== 'Job') return undefined;
        let ends = seen.get(owner.uid);
        if (!ends) seen.set(owner.uid, (ends = { succeeded: new Set(), failed: new Set() }));
        const pod = (after ?? before) as Pod;
        if (pod.status?.phase === 'Succeeded') ends.succeeded.add(pod.metadata.uid!);
        // Who is deleted counts as failed, whatever it says of itself.
        else if (pod.status?.phase === 'Failed' || pod.metadata.deletionTimestamp !== undefined || !after)
          ends.failed.add(pod.metadata.uid!);
        return undefined;
      }
      if (kind !== 'Job' || !after) return undefined;
      const job = after as Job;
      const { succeeded = 0, failed = 0, uncountedTerminatedPods: uncounted } = job.status ?? {};
      const ends = seen.get(job.metadata.uid!) ?? { succeeded: new Set(), failed: new Set() };
      const previous: Job | undefined = before;
      const old = previous?.status;
      if ((old?.succeeded ?? 0) > succeeded)
        return `${nameOf(job)} had succeeded ${old?.succeeded} times, now ${succeeded}`;
      if ((old?.failed ?? 0) > failed) return `${nameOf(job)} had failed ${old?.failed} times, now ${failed}`;
      if (succeeded + (uncounted?.succeeded?.length ?? 0) > ends.succeeded.size)
        return `${nameOf(job)} counts ${succeeded} successes and ${uncounted?.succeeded?.length ?? 0} to come, of ${ends.succeeded.size} pods that succeeded`;
      if (failed + (uncounted?.failed?.length ?? 0) > ends.failed.size)
        return `${nameOf(job)} counts ${failed} failures and ${uncounted?.failed?.length ?? 0} to come, of ${ends.failed.size} pods that failed`;
      const { completions, completionMode } = job.spec!;
      if (completionMode === 'Indexed') {
        const indexes = indexesOf(job.status?.completedIndexes);
        if (new Set(indexes).size !== indexes.length) return `${nameOf(job)} names an index twice`;
        if (indexes.length !== succeeded)
          return `${nameOf(job)} has succeeded ${succeeded} times with ${indexes.length} indexes`;
        const known = indexesOf(old?.completedIndexes);
        if (known.some((index) => !indexes.includes(index)))
          return `${nameOf(job)} has lost an index that was completed`;
      }
      if (completions !== undefined && succeeded > completions)
        return `${nameOf(job)} has succeeded ${succeeded} times of ${completions}`;
      return undefined;
    },
  };
};

/** No pod of a Job that has ended goes before it is counted, as long as there is a Job that counts. */
export const countedBeforeGone = (): Invariant => ({
  name: 'counted-before-gone',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Pod' || !before) return undefined;
    const had = (before.metadata.finalizers ?? []).includes(TRACKING);
    const has = (after?.metadata.finalizers ?? []).includes(TRACKING);
    const owner = controllerOf(before);
    const job: Job | undefined = owner && history.withUid(owner.uid);
    if (!had || has || !job || job.metadata.deletionTimestamp !== undefined) return undefined;
    // Who is taken away while at work, since the Job wants fewer, is not counted.
    if (!isFinished(before) || job.spec?.suspend === true) return undefined;
    const uid = before.metadata.uid!;
    const { uncountedTerminatedPods: waiting, conditions = [] } = job.status ?? {};
    const isListed = (waiting?.succeeded ?? []).includes(uid) || (waiting?.failed ?? []).includes(uid);
    const isOver = conditions.some(({ type, status }) => /^(Complete|Failed|SuccessCriteriaMet|FailureTarget)$/.test(type) && status === 'True'); // prettier-ignore
    const indexed = job.spec?.completionMode === 'Indexed';
    const index = Number(before.metadata.annotations?.[INDEX]);
    const isIndexDone = indexed && indexesOf(job.status?.completedIndexes).includes(index);
    return isListed || isOver || isIndexDone
      ? undefined
      : `${nameOf(before)} was let go of by nobody who had counted it`;
  },
});

/** A Job never has more pods at work than it may, and never starts one too many. */
export const parallelismKept = (): Invariant => ({
  name: 'parallelism',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Pod' || before || !after) return undefined;
    const owner = controllerOf(after);
    const job: Job | undefined = owner?.kind === 'Job' ? history.withUid(owner.uid) : undefined;
    if (!job) return undefined;
    const active = podsOf(history, job).filter(isActive);
    const { parallelism = 1, completions, completionMode } = job.spec!;
    if (active.length > parallelism)
      return `${nameOf(job)} has ${active.length} pods at work, more than ${parallelism}`;
    if (completions !== undefined && active.length + (job.status?.succeeded ?? 0) > completions)
      return `${nameOf(job)} has ${active.length} pods at work and ${job.status?.succeeded} done, of ${completions}`;
    if (completionMode !== 'Indexed') return undefined;
    const indexes = active.map((pod) => pod.metadata.annotations?.[INDEX]);
    return new Set(indexes).size === indexes.length ? undefined : `${nameOf(job)} has two pods at work on one index`;
  },
});

/** Who forbids that Jobs run at once, or has them replaced, has one that is not over at most. */
export const concurrencyKept = (): Invariant => ({
  name: 'concurrency',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Job' || before || !after) return undefined;
    const owner = controllerOf(after);
    const cronJob = owner?.kind === 'CronJob' ? (history.withUid(owner.uid) as CronJob | undefined) : undefined;
    const policy = cronJob?.spec?.concurrencyPolicy;
    if (!cronJob || policy === undefined || policy === 'Allow') return undefined;
    const open = history
      .objects<Job>('Job', after.metadata.namespace)
      .filter((job) => controllerOf(job)?.uid === cronJob.metadata.uid)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .filter(({ status }) => !(status?.conditions ?? []).some((c) => /^(Complete|Failed)$/.test(c.type) && c.status === 'True')); // prettier-ignore
    return open.length > 1
      ? `${nameOf(cronJob)} (${policy}) has ${open.map(({ metadata }) => metadata.name).join(' and ')} at once`
      : undefined;
  },
});
