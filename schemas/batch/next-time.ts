import { zoneOffset } from '../meta/zone-offset.ts';
import type { Schedule } from './schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A schedule that does not fire for so long never does: 31 February. */
const YEARS = 5;

/**
 * When the schedule fires next after a moment, in ms since the epoch; undefined: never. `zone` undefined is UTC. A local
 * time that a change of clocks leaves out does not fire; one that it repeats fires twice, if the schedule is by the hour.
 * Source: robfig/cron v3 SpecSchedule.Next, ConstantDelaySchedule.Next.
 */
export function nextTime(schedule: Schedule, after: number, zone = 'UTC'): number | undefined {
  const whole = Math.floor(after / 1000) * 1000;
  if (schedule.everyMs !== undefined) return whole + schedule.everyMs;
  const local = new LocalTime(whole + 1000, zone);
  const last = local.now.getUTCFullYear() + YEARS;
  // Once a field has been moved on, all below it begin at their lowest.
  let isMoved = false;
  const begin = (lowest: () => void): void => {
    if (!isMoved) lowest();
    isMoved = true;
  };
  const set =
    (...fields: [year: number, month: number, day?: number, hour?: number]) =>
    () =>
      local.set(...fields);
  again: while (local.now.getUTCFullYear() <= last) {
    while (!schedule.month.has(local.now.getUTCMonth() + 1)) {
      begin(set(local.year, local.month, 1));
      local.set(local.year, local.month + 1, local.day, local.hour);
      if (local.month === 0) continue again;
    }
    while (!isDay(schedule, local.now)) {
      begin(set(local.year, local.month, local.day));
      local.set(local.year, local.month, local.day + 1, local.hour);
      // Midnight may not have been, or may have been twice.
      if (local.hour !== 0) local.add((local.hour > 12 ? 24 - local.hour : -local.hour) * HOUR);
      if (local.day === 1) continue again;
    }
    while (!schedule.hour.has(local.hour)) {
      begin(set(local.year, local.month, local.day, local.hour));
      local.add(HOUR);
      if (local.hour === 0) continue again;
    }
    while (!schedule.minute.has(local.now.getUTCMinutes())) {
      begin(() => local.add(-(local.at % MINUTE)));
      local.add(MINUTE);
      if (local.now.getUTCMinutes() === 0) continue again;
    }
    // Seconds are zero: the schedule has no field for them.
    const over = local.at % MINUTE;
    if (over === 0) return local.at;
    isMoved = true;
    local.add(MINUTE - over);
  }
  return undefined;
}
/** Where either is unrestricted the other decides; else one of them is enough. */
function isDay({ dayOfMonth, dayOfWeek, anyDayOfMonth, anyDayOfWeek }: Schedule, now: Date): boolean {
  const [byMonth, byWeek] = [dayOfMonth.has(now.getUTCDate()), dayOfWeek.has(now.getUTCDay())];
  return anyDayOfMonth || anyDayOfWeek ? byMonth && byWeek : byMonth || byWeek;
}

/** A moment, and the clock on the wall then. */
class LocalTime {
  at: number;
  /** The wall's clock, as if it were UTC. */
  now: Date;
  readonly #zone: string;
  constructor(at: number, zone: string) {
    this.#zone = zone;
    this.at = at;
    this.now = new Date(at + this.#offset(at));
  }
  get year(): number {
    return this.now.getUTCFullYear();
  }
  get month(): number {
    return this.now.getUTCMonth();
  }
  get day(): number {
    return this.now.getUTCDate();
  }
  get hour(): number {
    return this.now.getUTCHours();
  }
  add(ms: number): void {
    this.at += ms;
    this.now = new Date(this.at + this.#offset(this.at));
  }
  /** Fields may be beyond their bounds. Source: Go time.Date, which says what becomes of times that were not. */
  set(year: number, month: number, day = 1, hour = 0): void {
    const wall = Date.UTC(year, month, day, hour);
    const first = this.#offset(wall);
    this.at = wall - (first === 0 ? 0 : this.#offset(wall - first));
    this.now = new Date(this.at + this.#offset(this.at));
  }
  #offset(at: number): number {
    return (zoneOffset(this.#zone, Math.floor(at / 1000)) ?? 0) * 1000;
  }
}
