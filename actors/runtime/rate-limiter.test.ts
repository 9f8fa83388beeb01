import { expect, it } from 'vitest';
import { createRateLimiter } from './rate-limiter.ts';
import { testWorld } from './testing/world.ts';

it('doubles per key up to its limit', () => {
  const limiter = createRateLimiter(testWorld().clock);
  expect([0, 1, 2, 10, 17, 18, 2_000].map((n) => limiter.delayMs(n))).toEqual([5, 10, 20, 5_120, 655_360, 1_000_000, 1_000_000]); // prettier-ignore
});
it('lets a burst of 100 through and then 10 a second, over all keys', async () => {
  const world = testWorld();
  const limiter = createRateLimiter(world.clock);
  for (let i = 0; i < 100; i++) expect(limiter.delayMs(0)).toBe(5);
  expect([limiter.delayMs(0), limiter.delayMs(0)]).toEqual([100, 200]);
  await world.advance(10_200);
  expect(limiter.delayMs(0)).toBe(5);
});
it('holds nobody up after the clock was set back', () => {
  let now = 3_600_000;
  const limiter = createRateLimiter({ ...testWorld().clock, now: () => now });
  for (let i = 0; i < 10; i++) limiter.delayMs(0);
  now = 0;
  expect(limiter.delayMs(0)).toBe(5);
  for (let i = 0; i < 89; i++) limiter.delayMs(0);
  now += 1_000;
  for (let i = 0; i < 10; i++) expect(limiter.delayMs(0)).toBe(5);
  expect(limiter.delayMs(0)).toBe(100);
});
