import { parseSchedule, ScheduleError, type Schedule } from '../../../schemas/batch/schedule.ts';
import { timeZoneProblem } from '../../../schemas/batch/time-zone.ts';
import type { CronJob, CronJobStatus, Job } from '../../../schemas/generated/batch-v1.ts';
import type { ObjectReference } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { zoneOffset } from '../../../schemas/meta/zone-offset.ts';
import { finishOf } from '../../runtime/jobs.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { timeOf } from '../../runtime/time.ts';
import { isMany, missed, untilNextMs } from './times.ts';

export interface Observed {
  readonly cronJob: CronJob;
  /** Of which it is the controller. */
  readonly jobs: readonly Job[];
  /** Uids of active ones that are no more: the API was asked, and not only the cache. */
  readonly gone: ReadonlySet<string>;
}
export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
export interface Plan {
  readonly status: CronJobStatus;
  readonly events: readonly Told[];
  /** Finished ones that are too many, oldest first. */
  readonly surplus: readonly Job[];
  readonly start?: Start;
  readonly requeueAfterMs?: number | undefined;
}
export interface Start {
  readonly job: Job;
  /** When it should have begun, in ms since the epoch. */
  readonly time: number;
  /** What still runs and is to go first. */
  readonly replaces: readonly ObjectReference[];
}
const warning = (reason: string, message: string): Told => ({ type: 'Warning', reason, message });
const normal = (reason: string, message: string): Told => ({ type: 'Normal', reason, message });

/** Source: pkg/controller/cronjob syncCronJob, cleanupFinishedJobs. */
export function plan(observed: Observed, now: number): Plan {
  const events: Told[] = [];
  const status = statusOf(observed, events);
  const { cronJob } = observed;
  const done = { status, events, surplus: surplusOf(observed) };
  if (cronJob.metadata.deletionTimestamp !== undefined) return done;
  const schedule = scheduleOf(cronJob, events);
  if (schedule === undefined || cronJob.spec.suspend === true) return done;

  const seen = { ...cronJob, status };
  const all = missed(seen, schedule, now, true);
  if (all === undefined) {
    const why = 'time difference between two schedules is less than 1 second';
    events.push(warning('InvalidSchedule', `invalid schedule: ${cronJob.spec.schedule} : ${why}`));
    return done;
  }
  const start = all.latest === undefined ? undefined : startAt(seen, all.latest, now, events, isMany(all));
  const after = start === undefined ? seen : { ...seen, status: withStarted(status, start) };
  return { ...done, ...(start && { start }), requeueAfterMs: untilNextMs(after, schedule, now) };
}
/** As it is once the Job has begun, as far as times go. */
const withStarted = (status: CronJobStatus, { time }: Start): CronJobStatus => ({
  ...status,
  lastScheduleTime: formatTime(time),
});
/** A Job has been made: it is active, and its time is done with. */
export const started = (status: CronJobStatus, start: Start, job: Job): CronJobStatus => ({
  ...withStarted(status, start),
  active: [...(status.active ?? []), referenceTo(job)],
});
export const without = (status: CronJobStatus, uid: string | undefined): CronJobStatus =>
  withActive(status, (status.active ?? []).filter((reference) => reference.uid !== uid)); // prettier-ignore
function withActive(status: CronJobStatus, active: readonly ObjectReference[]): CronJobStatus {
  const { active: _, ...rest } = status;
  return active.length > 0 ? { ...rest, active: [...active] } : rest;
}
const referenceTo = ({ apiVersion, kind, metadata }: Job): ObjectReference => ({
  kind,
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  apiVersion,
  resourceVersion: metadata.resourceVersion,
});

/** Who is active still, and when one succeeded last. */
function statusOf({ cronJob, jobs, gone }: Observed, events: Told[]): CronJobStatus {
  let status: CronJobStatus = cronJob.status ?? {};
  const active = new Set(status.active?.map((reference) => reference.uid));
  for (const job of jobs) {
    const { name, uid } = job.metadata;
    const finish = finishOf(job)?.type;
    if (finish === undefined) {
      if (!active.has(uid))
        events.push(warning('UnexpectedJob', `Saw a job that the controller did not create or forgot: ${name}`));
      continue;
    }
    if (active.has(uid)) {
      status = without(status, uid);
      events.push(normal('SawCompletedJob', `Saw completed job: ${name}, condition: ${finish}`));
    }
    const { completionTime } = job.status ?? {};
    const [ended, latest] = [timeOf(completionTime), timeOf(status.lastSuccessfulTime)];
    if (finish === 'Complete' && ended !== undefined && ended > (latest ?? -Infinity))
      status = { ...status, lastSuccessfulTime: completionTime };
  }
  for (const { uid, name } of status.active ?? [])
    if (gone.has(uid!)) {
      status = without(status, uid);
      events.push(normal('MissingJob', `Active job went missing: ${name}`));
    }
  return status;
}
function surplusOf({ cronJob, jobs }: Observed): readonly Job[] {
  const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = cronJob.spec;
  const oldest = (finish: 'Complete' | 'Failed', limit: number | undefined): readonly Job[] => {
    const all = jobs.filter((job) => finishOf(job)?.type === finish).toSorted(byStart);
    return limit === undefined ? [] : all.slice(0, Math.max(0, all.length - limit));
  };
  return [...oldest('Complete', successfulJobsHistoryLimit), ...oldest('Failed', failedJobsHistoryLimit)];
}
function byStart(a: Job, b: Job): number {
  const [x, y] = [a, b].map((job) => timeOf(job.status?.startTime) ?? Infinity) as [number, number];
  if (x !== y) return x < y ? -1 : 1;
  return a.metadata.name! < b.metadata.name! ? -1 : 1;
}
function scheduleOf({ spec }: CronJob, events: Told[]): Schedule | undefined {
  const { schedule, timeZone } = spec;
  if (timeZone !== undefined && timeZoneProblem(timeZone) !== undefined) {
    const why = `unknown time zone ${timeZone}`;
    events.push(warning('UnknownTimeZone', `invalid timeZone: ${JSON.stringify(timeZone)}: ${why}`));
    return undefined;
  }
  if (spec.suspend === true) return undefined;
  if (schedule.includes('TZ'))
    events.push(warning('UnsupportedSchedule', `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details`)); // prettier-ignore
  try {
    return parseSchedule(schedule);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    events.push(warning('UnparseableSchedule', `unparseable schedule: ${JSON.stringify(schedule)} : ${error.message}`));
    return undefined;
  }
}

/** The Job of a time that was missed; undefined when there is a reason not to make it. */
function startAt(cronJob: CronJob, time: number, now: number, events: Told[], tooMany: boolean): Start | undefined {
  const { spec, status } = cronJob;
  const active = status?.active ?? [];
  if (tooMany)
    events.push(warning('TooManyMissedTimes', 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew')); // prettier-ignore
  if (time + (spec.startingDeadlineSeconds ?? Infinity) * 1000 < now) {
    events.push(warning('MissSchedule', `Missed scheduled time to start a job: ${rfc1123(time)}`));
    return undefined;
  }
  const job = jobAt(cronJob, time);
  const isThere = active.some(({ name }) => name === job.metadata.name);
  if (isThere || timeOf(status?.lastScheduleTime) === time) return undefined;
  if (spec.concurrencyPolicy === 'Forbid' && active.length > 0) {
    const why = 'prior execution is running and concurrency policy is Forbid';
    events.push(normal('JobAlreadyActive', `Not starting job because ${why}`));
    return undefined;
  }
  return { job, time, replaces: spec.concurrencyPolicy === 'Replace' ? active : [] };
}
/** Named by its time, so that it is made once whoever makes it. */
function jobAt(cronJob: CronJob, time: number): Job {
  const { metadata, spec } = cronJob;
  const template = spec.jobTemplate;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: `${metadata.name}-${Math.floor(time / 60_000)}`,
      namespace: metadata.namespace,
      ...(template.metadata?.labels && { labels: template.metadata.labels }),
      annotations: {
        ...template.metadata?.annotations,
        'batch.kubernetes.io/cronjob-scheduled-timestamp': localTime(time, spec.timeZone),
      },
      ownerReferences: [controllerReference(cronJob)],
    },
    spec: template.spec,
  };
}
const two = (n: number): string => String(n).padStart(2, '0');
function localTime(time: number, zone = 'UTC'): string {
  const offset = zoneOffset(zone, time / 1000) ?? 0;
  const minutes = Math.floor(Math.abs(offset) / 60);
  const end = offset === 0 ? 'Z' : `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${formatTime(time + offset * 1000).slice(0, -1)}${end}`;
}
/** As Go's RFC1123Z prints it, in UTC. */
const rfc1123 = (time: number): string => new Date(time).toUTCString().replace('GMT', '+0000');
