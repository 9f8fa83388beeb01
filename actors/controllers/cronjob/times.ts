import { nextTime } from '../../../schemas/batch/next-time.ts';
import type { Schedule } from '../../../schemas/batch/schedule.ts';
import type { CronJob } from '../../../schemas/generated/batch-v1.ts';
import { timeOf } from '../../runtime/time.ts';

/** What a CronJob has missed up to now. Times are in ms since the epoch. */
export interface Missed {
  /** From when on times count. */
  readonly from: number;
  /** The latest time at which a Job should have been made; undefined: none. */
  readonly latest: number | undefined;
  /** About how many there were. */
  readonly count: number;
}
/** More than these are told of. Source: pkg/controller/cronjob mostRecentScheduleTime. */
const MANY = 100;
export const isMany = ({ count }: Missed): boolean => count > MANY;

/** How much later than its time a Job is made at the earliest, for clocks that are not quite right. */
const PADDING_MS = 100;

/** Undefined: the schedule never fires (31 February). `hasDeadline`: nothing before the starting deadline counts. */
export function missed(cronJob: CronJob, schedule: Schedule, now: number, hasDeadline: boolean): Missed | undefined {
  const { spec, status, metadata } = cronJob;
  const next = (after: number): number | undefined => nextTime(schedule, after, spec.timeZone);
  let from = timeOf(status?.lastScheduleTime) ?? timeOf(metadata.creationTimestamp) ?? now;
  if (hasDeadline && spec.startingDeadlineSeconds !== undefined)
    from = Math.max(from, now - spec.startingDeadlineSeconds * 1000);
  const first = next(from);
  const second = first === undefined ? undefined : next(first);
  if (first === undefined || second === undefined) return undefined;
  if (now < first) return { from, latest: undefined, count: 0 };
  if (now < second) return { from, latest: first, count: 0 };
  const interval = Math.round((second - first) / 1000) * 1000;
  const count = Math.floor((now - first) / interval) + 1;
  // Near the end of what was missed, however much that was; one interval earlier where intervals differ.
  let latest: number | undefined;
  for (let t = next(first + (count - 2) * interval); t !== undefined && t <= now; t = next(t)) latest = t;
  return { from, latest, count };
}
/** How long until the next time, in ms. */
export function untilNextMs(cronJob: CronJob, schedule: Schedule, now: number): number | undefined {
  const all = missed(cronJob, schedule, now, false);
  const after = all === undefined ? now : (all.latest ?? (all.count === 0 ? all.from : now));
  const next = nextTime(schedule, after, cronJob.spec.timeZone);
  return next === undefined ? undefined : Math.max(0, next + PADDING_MS - now);
}
