import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextTime } from './next-time.ts';
import { parseSchedule } from './schedule.ts';

const next = (schedule: string, after: string, zone?: string): string | undefined => {
  const at = nextTime(parseSchedule(schedule), Date.parse(after), zone);
  return at === undefined ? undefined : new Date(at).toISOString().replace(':00.000Z', 'Z').replace('.000Z', 'Z');
};
describe('a schedule fires next', () => {
  it.each<[string, string, string | undefined, string?]>([
    ['* * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:01Z'],
    ['* * * * *', '2026-01-01T00:00:59.999Z', '2026-01-01T00:01Z'],
    ['*/15 * * * *', '2026-01-01T00:45:01Z', '2026-01-01T01:00Z'],
    ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00Z'],
    ['59 23 31 2 *', '2026-01-01T00:00:00Z', undefined],
    ['30 6-16/4 * * 1-5', '2026-01-02T15:00:00Z', '2026-01-05T06:30Z'],
    ['0 0 13 * 5', '2026-01-10T00:00:00Z', '2026-01-13T00:00Z'],
    ['0 0 13 * 5', '2026-01-13T00:00:00Z', '2026-01-16T00:00Z'],
    ['@monthly', '2026-12-15T10:00:00Z', '2027-01-01T00:00Z'],
    ['@every 90s', '2026-01-01T00:00:00.500Z', '2026-01-01T00:01:30Z'],
    ['0 9 * * *', '2026-07-01T00:00:00Z', '2026-07-01T07:00Z', 'Europe/Berlin'],
    ['0 9 * * *', '2026-01-01T00:00:00Z', '2026-01-01T08:00Z', 'Europe/Berlin'],
    // Clocks go from 2 to 3 on 29 March, and from 3 back to 2 on 25 October.
    ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:30Z', 'Europe/Berlin'],
    ['30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T00:30Z', 'Europe/Berlin'],
    ['30 2 * * *', '2026-10-25T00:30:00Z', '2026-10-25T01:30Z', 'Europe/Berlin'],
    ['0 0 * * *', '2026-03-27T12:00:00Z', '2026-03-27T21:00Z', 'Asia/Jerusalem'],
    // Midnight was not on 5 September 2026 in Santiago.
    ['0 0 * * *', '2026-09-05T12:00:00Z', '2026-09-07T03:00Z', 'America/Santiago'],
    ['15 0 1 1 *', '2026-06-01T00:00:00Z', '2026-12-31T18:30Z', 'Asia/Kathmandu'],
  ])('%j after %s: %s', (schedule, after, wanted, zone) => {
    expect(next(schedule, after, zone)).toBe(wanted);
  });
  it('at the first minute that all its fields name', () => {
    const field = (low: number, high: number) =>
      fc.oneof(fc.constant('*'), fc.integer({ min: low, max: high }).map(String), fc.constant('*/7'));
    const from = Date.UTC(2026, 0, 1);
    fc.assert(
      fc.property(field(0, 59), field(0, 23), field(1, 28), fc.nat(86_400_000), (minute, hour, day, after) => {
        const schedule = parseSchedule(`${minute} ${hour} ${day} * *`);
        const at = nextTime(schedule, from + after)!;
        const fires = (ms: number): boolean => {
          const time = new Date(ms);
          return schedule.minute.has(time.getUTCMinutes()) && schedule.hour.has(time.getUTCHours()) && schedule.dayOfMonth.has(time.getUTCDate()); // prettier-ignore
        };
        expect(fires(at) && at % 60_000 === 0 && at > from + after).toBe(true);
        for (let ms = Math.floor((from + after) / 60_000 + 1) * 60_000; ms < at; ms += 60_000) expect(fires(ms)).toBe(false); // prettier-ignore
      }),
      { numRuns: 20 },
    );
  });
});
