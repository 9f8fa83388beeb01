import { allocate } from './allocation.ts';
import type { Level } from './level.ts';

/** The share of a level's seats that one of its requests may take. Source: apf_controller.go priorityLevelMaxSeatsPercent. */
const MAX_SHARE = 0.15;

/** Says what each level has by its configuration, of `serverLimit` seats in all. Source: finishQueueSetReconfigsLocked. */
export function setNominal(levels: readonly Level[], serverLimit: number): void {
  const shares = levels.reduce((sum, level) => sum + level.spec.shares, 0);
  for (const level of levels) {
    const { queuing, lendablePercent, borrowingPercent } = level.spec;
    const nominal = shares === 0 ? 0 : Math.ceil((serverLimit * level.spec.shares) / shares);
    const lendable = Math.round((nominal * lendablePercent) / 100);
    level.nominal = nominal;
    level.min = nominal - lendable;
    level.max =
      nominal + (borrowingPercent === undefined ? serverLimit : Math.round((nominal * borrowingPercent) / 100));
    if (queuing.queues > 0)
      level.maxSeats = Math.max(1, Math.min(Math.ceil(nominal * MAX_SHARE), Math.floor(nominal / queuing.handSize)));
  }
}
/**
 * Says what each level has now: what some do not need is lent to those who do. Done every ten seconds and when the
 * configuration changes. Returns the multiple of its demand that each gets. Source: apf_controller.go updateBorrowingLocked.
 */
export function adjust(levels: readonly Level[], nowMs: number): number {
  for (const level of levels) level.observe(nowMs);
  const limited = levels.filter((level) => !level.isExempt);
  const least = (level: Level): number => Math.max(level.min, Math.min(level.nominal, level.highWatermark));
  const sum = (of: (level: Level) => number): number => limited.reduce((all, level) => all + of(level), 0);
  const total = levels.reduce((all, level) => all + level.nominal, 0);
  let remaining = total;
  for (const level of levels)
    if (level.isExempt) {
      const seats = Math.max(level.min, level.highWatermark);
      remaining -= seats;
      level.limitTo(seats, nowMs);
    }
  for (const level of limited) level.target = Math.max(least(level), level.smoothed);
  const [mins, leasts] = [sum((level) => level.min), sum(least)];
  if (remaining <= leasts) {
    const share = remaining <= mins ? 0 : (remaining - mins) / (leasts - mins);
    for (const level of limited) level.limitTo(level.min + Math.round((least(level) - level.min) * share), nowMs);
    return 0;
  }
  const claims = limited.map((level) => ({ low: least(level), high: level.max, target: level.target }));
  const found = allocate(total, claims);
  for (const [i, level] of limited.entries())
    level.limitTo(found === undefined ? level.current : Math.round(found.shares[i]!), nowMs);
  return found?.fair ?? 0;
}
