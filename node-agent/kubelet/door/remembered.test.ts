import { expect, it, vi } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { ApiError, type StatusReason } from '../../../schemas/meta/status.ts';
import { patiently } from './patiently.ts';
import { remembered } from './remembered.ts';

it('an answer is asked for once by all who wait for it, and again when its time is over', async () => {
  const world = testWorld();
  const ask = remembered<string>(world.clock, 10, (answer) => (answer === 'yes' ? 1_000 : 100));
  const [yes, no] = [vi.fn(async () => 'yes'), vi.fn(async () => 'no')];
  expect(await Promise.all([ask('a', yes), ask('a', yes), ask('b', no)])).toEqual(['yes', 'yes', 'no']);
  await world.advance(100);
  await Promise.all([ask('a', yes), ask('b', no)]);
  expect([yes.mock.calls.length, no.mock.calls.length]).toEqual([1, 2]);
  await world.advance(900);
  await ask('a', yes);
  expect(yes).toHaveBeenCalledTimes(2);
});
it('what could not be found out is not remembered', async () => {
  const ask = remembered<string>(testWorld().clock, 10, () => 1_000);
  await expect(ask('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await ask('a', async () => 'here')).toBe('here');
});
it('those that nobody has asked about for longest make room', async () => {
  const ask = remembered<string>(testWorld().clock, 2, () => 1_000);
  const made = vi.fn(async () => 'x');
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await ask(key, made);
  expect(made).toHaveBeenCalledTimes(4);
});
it.each<[StatusReason, number]>([
  ['ServiceUnavailable', 5],
  ['InternalError', 5],
  ['Timeout', 5],
  ['Forbidden', 1],
  ['Invalid', 1],
])('who is told %s asks %i times', async (reason, times) => {
  const world = testWorld();
  const ask = vi.fn(() => Promise.reject(new ApiError(reason, 'no')));
  const asked = patiently(world, ask).catch(() => 'gave up');
  await world.advance(10_000);
  expect([await asked, ask.mock.calls.length]).toEqual(['gave up', times]);
});
it('who is heard at the second attempt has its answer', async () => {
  const world = testWorld();
  let n = 0;
  const asked = patiently(world, async () => {
    if (n++ === 0) throw new ApiError('ServiceUnavailable', 'no');
    return n;
  });
  await world.advance(600);
  expect(await asked).toBe(2);
});
