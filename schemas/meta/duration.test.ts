import { expect, it } from 'vitest';
import { durationProblem } from './duration.ts';

it.each([
  ['0', undefined],
  ['1h30m', undefined],
  ['-1.5s', undefined],
  ['.5ms', undefined],
  ['', 'time: invalid duration ""'],
  ['x', 'time: invalid duration "x"'],
  ['1', 'time: missing unit in duration "1"'],
  ['1m2', 'time: missing unit in duration "1m2"'],
  ['1x', 'time: unknown unit "x" in duration "1x"'],
])('the duration %j: %s', (text, problem) => {
  expect(durationProblem(text)).toBe(problem);
});
