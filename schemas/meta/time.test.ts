import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { age, canonicalMicroTime, canonicalTime, formatTime, humanDuration, parseTime } from './time.ts';

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
it.each([
  [-2 * S, '<invalid>'], [-S, '0s'], [0, '0s'], [119 * S, '119s'], [2 * M, '2m'], [3 * M + 5 * S, '3m5s'], [10 * M + 5 * S, '10m'], [179 * M, '179m'],
  [3 * H, '3h'], [7 * H + 59 * M, '7h59m'], [8 * H + M, '8h'], [47 * H, '47h'], [2 * D, '2d'], [3 * D + 4 * H, '3d4h'], [8 * D + H, '8d'], [729 * D, '729d'],
  [2 * 365 * D, '2y'], [3 * 365 * D + 5 * D, '3y5d'], [9 * 365 * D, '9y'],
])('shows %i ms as %s', (ms, text) => expect(humanDuration(ms)).toBe(text)); // prettier-ignore

it('reads what it prints', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e9 }), (s) => parseTime(formatTime(s * S)) === s * S));
});
const R = '2006-01-02T15:04:05Z07:00';
const textOf = (read: () => string): string => {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
};
it.each([
  ['2024-02-29T23:59:59+01:00', '2024-02-29T22:59:59Z'], ['2024-01-01T00:00:00.999Z', '2024-01-01T00:00:00Z'], ['2024-01-01T3:00:00,5Z', '2024-01-01T03:00:00Z'],
  ['2024-02-30T00:00:00Z', 'parsing time "2024-02-30T00:00:00Z": day out of range'],
  ['2024-13-01T00:00:00Z', 'parsing time "2024-13-01T00:00:00Z": month out of range'],
  ['2024-01-01T24:00:00Z', 'parsing time "2024-01-01T24:00:00Z": hour out of range'],
  ['2024-01-01T00:00:00+25:00', 'parsing time "2024-01-01T00:00:00+25:00": time zone offset hour out of range'],
  ['2024-01-01T00:00:00Zx', 'parsing time "2024-01-01T00:00:00Zx": extra text: "x"'],
  ['2024-01-01', `parsing time "2024-01-01" as "${R}": cannot parse "" as "T"`],
  ['x', `parsing time "x" as "${R}": cannot parse "x" as "2006"`],
  ['ä"', `parsing time "\\xc3\\xa4\\"" as "${R}": cannot parse "\\xc3\\xa4\\"" as "2006"`],
])('makes of %j what Go does', (text, kept) => expect(textOf(() => canonicalTime(text))).toBe(kept)); // prettier-ignore
const MICRO = '2006-01-02T15:04:05.000000Z07:00';
it.each([
  ['2024-01-01T00:00:00.123456Z', '2024-01-01T00:00:00.123456Z'], ['2024-01-01T00:00:00.123456+02:00', '2023-12-31T22:00:00.123456Z'],
  ['2024-01-01T00:00:00Z', `parsing time "2024-01-01T00:00:00Z" as "${MICRO}": cannot parse "Z" as ".000000"`],
  ['2024-01-01T00:00:00.1234567Z', `parsing time "2024-01-01T00:00:00.1234567Z" as "${MICRO}": cannot parse "7Z" as "Z07:00"`],
])('wants six digits of a second: %j', (text, kept) => expect(textOf(() => canonicalMicroTime(text))).toBe(kept)); // prettier-ignore
it('knows no age without a time', () => {
  expect([age(undefined, 0), age(null, 0), age('1970-01-01T00:00:00Z', 5 * S)]).toEqual([
    '<unknown>',
    '<unknown>',
    '5s',
  ]);
});
