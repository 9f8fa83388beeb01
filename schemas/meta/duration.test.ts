import { expect, it } from 'vitest';
import { parseDuration } from './duration.ts';

it.each([
  ['0', 0n],
  ['1h30m', 5_400_000_000_000n],
  ['-1.5s', -1_500_000_000n],
  ['+2m', 120_000_000_000n],
  ['.5ms', 500_000n],
  ['1.s', 1_000_000_000n],
  ['3µs7ns', 3007n],
  ['-2562047h47m16.854775808s', -(2n ** 63n)],
  ['2562047h47m16.854775808s', 'time: invalid duration "2562047h47m16.854775808s"'],
  ['', 'time: invalid duration ""'],
  ['-', 'time: invalid duration "-"'],
  ['x', 'time: invalid duration "x"'],
  ['.s', 'time: invalid duration ".s"'],
  ['1', 'time: missing unit in duration "1"'],
  ['1m2', 'time: missing unit in duration "1m2"'],
  ['1x', 'time: unknown unit "x" in duration "1x"'],
])('the duration %j is %s', (text, read) => {
  expect(parseDuration(text)).toBe(read);
});
