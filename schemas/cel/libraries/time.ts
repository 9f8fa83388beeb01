import { civilOf, durationSeconds, zoneOffset, type Civil } from '../values-time.ts';
import { CelError, type CelDuration, type CelTimestamp, type CelValue } from '../values.ts';
import { isDuration, isString, isTimestamp, overload, type CelLibrary } from './kinds.ts';
import type { CelOverload } from '../eval-call.ts';

function part(id: string, of: (civil: Civil) => number): readonly CelOverload[] {
  const zoned = (time: CelTimestamp, zone: string): CelValue => {
    const offset = zoneOffset(zone, time.nanos);
    return typeof offset === 'string' ? new CelError(offset) : BigInt(of(civilOf(time.nanos, offset)));
  };
  return [
    overload(`timestamp_to_${id}`, [isTimestamp], (time: CelTimestamp) => BigInt(of(civilOf(time.nanos, 0)))),
    overload(
      id === 'seconds' ? 'timestamp_to_seconds_tz' : `timestamp_to_${id}_with_tz`,
      [isTimestamp, isString],
      zoned,
    ),
  ];
}
const duration = (id: string, of: (nanos: bigint) => bigint): CelOverload =>
  overload(`duration_to_${id}`, [isDuration], (value: CelDuration) => of(value.nanos));

/** Source: cel-go common/stdlib/standard.go. */
export const time: CelLibrary = {
  getFullYear: part('year', ({ year }) => year),
  getMonth: part('month', ({ month }) => month - 1),
  getDayOfYear: part('day_of_year', ({ yearDay }) => yearDay - 1),
  getDayOfMonth: part('day_of_month', ({ day }) => day - 1),
  getDate: part('day_of_month_1_based', ({ day }) => day),
  getDayOfWeek: part('day_of_week', ({ weekday }) => weekday),
  getHours: [...part('hours', ({ hour }) => hour), duration('hours', (nanos) => nanos / 3_600_000_000_000n)],
  getMinutes: [...part('minutes', ({ minute }) => minute), duration('minutes', (nanos) => nanos / 60_000_000_000n)],
  getSeconds: [
    ...part('seconds', ({ second }) => second),
    duration('seconds', (nanos) => BigInt(Math.trunc(durationSeconds(nanos)))),
  ],
  getMilliseconds: [
    ...part('milliseconds', ({ nanos }) => Math.floor(nanos / 1_000_000)),
    duration('milliseconds', (nanos) => nanos / 1_000_000n),
  ],
};
