import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { age, canonicalMicroTime, canonicalTime, formatTime, humanDuration, parseTime, timeError } from './time.ts';

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
it.each([
  ['2024-02-30T00:00:00Z', undefined], ['2024-02-29T23:59:59+01:00', '2024-02-29T22:59:59Z'], ['2024-01-01T00:00:00.999Z', '2024-01-01T00:00:00Z'],
  ['2024-01-01', undefined], ['', undefined], ['2024-13-01T00:00:00Z', undefined],
])('makes of %j a time', (text, kept) => expect(canonicalTime(text)).toBe(kept)); // prettier-ignore
it('keeps six digits of a second', () =>
  expect(canonicalMicroTime('2024-01-01T00:00:00.1234567Z')).toBe('2024-01-01T00:00:00.123456Z'));
it.each([
  ['x', 'parsing time "x" as "2006-01-02T15:04:05Z07:00": cannot parse "x" as "2006"'],
  ['2024-13-01T00:00:00Z', 'parsing time "2024-13-01T00:00:00Z": month out of range'],
  ['2024-01-01T00:00:00Zx', 'parsing time "2024-01-01T00:00:00Zx": extra text: "x"'],
])('says what is wrong with %s', (text, message) => expect(timeError(text)).toBe(message));
it('knows no age without a time', () => {
  expect([age(undefined, 0), age(null, 0), age('1970-01-01T00:00:00Z', 5 * S)]).toEqual([
    '<unknown>',
    '<unknown>',
    '5s',
  ]);
});
