import { expect, it } from 'vitest';
import { simulate } from '../../../bus/memory/simulation.ts';
import { Refusals, RetryAfter } from './refusals.ts';

it('refusals leave at a bounded rate, all within a second, and more than can be held at once', async () => {
  const simulation = simulate(1);
  const refusals = new Refusals(simulation.clock);
  let told = 0;
  const refuse = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const turn = refusals.turn();
      if (turn === undefined) told++;
      else void turn.then(() => told++);
    }
  };
  refuse(3);
  expect(told).toBe(3);
  refuse(1000);
  expect(told).toBe(8);
  await simulation.advance(100);
  expect(told).toBeLessThan(120);
  await simulation.advance(1200);
  expect(told).toBe(1003);
  refuse(3000);
  expect(told).toBeGreaterThan(1003 + 900);
  await simulation.advance(2000);
  expect(told).toBe(4003);
});

/** Second after second, as kube-apiserver's tracker says; then after one refusal in each of a hundred seconds. */
it.each<[number, string, number]>([
  [1, '1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1', 1],
  [10, '1 2 2 4 4 4 4 8 8 8 8 8 8 8 8 16', 8],
  [100, '1 2 2 4 4 4 4 8 8 8 8 8 8 8 8 16', 8],
])('%i refusals a second: come again after %s seconds', (count, expected, then) => {
  const tracker = new RetryAfter();
  const seen: number[] = [];
  for (let second = 1000; second < 1016; second++) {
    for (let i = 0; i < count; i++) tracker.refused(second * 1000 + i);
    seen.push(tracker.seconds);
  }
  expect(seen.join(' ')).toBe(expected);
  for (let second = 2000; second < 2100; second++) tracker.refused(second * 1000);
  expect(tracker.seconds).toBe(then);
});
