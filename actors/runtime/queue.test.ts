import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue } from './queue.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { testWorld } from './testing/world.ts';

describe('work queue', () => {
  it('hands out keys in order, each once however often it was added', async () => {
    const queue = new WorkQueue(testWorld());
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect([await queue.take(), await queue.take(), await queue.take(), queue.length]).toEqual(['a', 'b', 'c', 0]);
  });
  it('gives a key that is worked on to nobody else, and again when that ends', async () => {
    const queue = new WorkQueue(testWorld());
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(queue.length).toBe(1);
    expect(await queue.take()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });
  it('serves those who wait in the order they came, and none who has given up', async () => {
    const queue = new WorkQueue(testWorld());
    const abort = new AbortController();
    const [first, second, third] = [queue.take(), queue.take(abort.signal), queue.take()];
    abort.abort();
    queue.add('a');
    queue.add('b');
    expect(await Promise.all([first, second, third])).toEqual(['a', undefined, 'b']);
  });
  it('adds later, at the soonest of several times', async () => {
    const world = testWorld();
    const queue = new WorkQueue(world);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 200);
    queue.addAfter('a', 500);
    await world.advance(199);
    expect(queue.length).toBe(0);
    await world.advance(1);
    expect(queue.length).toBe(1);
    await queue.take();
    queue.done('a');
    await world.advance(5_000);
    expect(queue.length).toBe(0);
  });
  it('backs off per key and forgets on success', async () => {
    const world = testWorld();
    const queue = new WorkQueue(world);
    for (const ms of [5, 10, 20]) {
      queue.addRateLimited('a');
      await world.advance(ms - 1);
      expect(queue.length).toBe(0);
      await world.advance(1);
      expect(await queue.take()).toBe('a');
      queue.done('a');
    }
    expect(queue.requeues('a')).toBe(3);
    queue.forget('a');
    queue.addRateLimited('a');
    await world.advance(5);
    expect(queue.length).toBe(1);
  });
  it('takes nothing more once closed, but hands out what it has', async () => {
    const world = testWorld();
    const queue = new WorkQueue(world);
    queue.add('a');
    queue.addAfter('b', 10);
    queue.close();
    queue.add('c');
    await world.advance(100);
    expect([await queue.take(), await queue.take()]).toEqual(['a', undefined]);
    expect(world.timers).toBe(0);
  });
  it('never gives a key to two workers and loses no change, whatever the order', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('add', 'take', 'done'), fc.nat(4)), { maxLength: 200 });
    return fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const queue = new WorkQueue(testWorld());
        const busy = new Set<string>();
        const pending = new Set<string>();
        for (const [op, n] of list) {
          const key = `k${n}`;
          if (op === 'add') {
            queue.add(key);
            pending.add(key);
          } else if (op === 'take' && queue.length > 0) {
            const taken = (await queue.take())!;
            expect(busy.has(taken)).toBe(false);
            busy.add(taken);
            pending.delete(taken);
          } else if (op === 'done' && busy.delete(key)) queue.done(key);
        }
        for (const key of busy) queue.done(key);
        const rest: string[] = [];
        while (queue.length > 0) rest.push((await queue.take())!);
        expect(rest.sort()).toEqual([...pending].sort());
      }),
      { numRuns: 100 },
    );
  });
});

describe('rate limiter', () => {
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
});
