import { beforeEach, expect, it } from 'vitest';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { testWorld, type TestWorld } from '../runtime/testing/world.ts';
import { ensureDefaultClass } from './default-class.ts';

let world: TestWorld;
let present: string[];
/** Of the next calls; then all goes well. */
let refusals: { verb: 'list' | 'create'; reason: 'Forbidden' | 'Timeout' | 'AlreadyExists' }[];
let stop: AbortController;
beforeEach(() => {
  [world, present, refusals, stop] = [testWorld(), [], [], new AbortController()];
});
const call = <T>(verb: 'list' | 'create', work: () => T): Promise<T> => {
  if (refusals[0]?.verb !== verb) return Promise.resolve(work());
  return Promise.reject(new ApiError(refusals.shift()!.reason, 'x'));
};
const client = {
  list: () => call('list', () => ({ items: present.map((name) => ({ metadata: { name } })) })),
  create: (_: unknown, { metadata: { name } }: { metadata: { name: string } }) => call('create', () => void present.push(name)),
} as unknown as ApiClient; // prettier-ignore
const ensured = async (): Promise<boolean> => {
  let isOver = false;
  void ensureDefaultClass(client, world, stop.signal).then(() => (isOver = true));
  await world.settle();
  await world.advance(60_000);
  return isOver;
};

it('a cluster without a class gets one', async () => {
  expect([await ensured(), present]).toEqual([true, ['standard']]);
});
it('a cluster that has one keeps it', async () => {
  present.push('fast');
  expect([await ensured(), present]).toEqual([true, ['fast']]);
});
it('is tried until it is allowed', async () => {
  refusals = [{ verb: 'list', reason: 'Forbidden' }, { verb: 'create', reason: 'Timeout' }, { verb: 'list', reason: 'Forbidden' }]; // prettier-ignore
  expect([await ensured(), present, world.complaints.length]).toEqual([true, ['standard'], 3]);
});
it('who comes second leaves it at that', async () => {
  refusals = [{ verb: 'create', reason: 'AlreadyExists' }];
  expect([await ensured(), world.complaints]).toEqual([true, []]);
});
it('ends when it is stopped', async () => {
  refusals = Array.from({ length: 1000 }, () => ({ verb: 'list', reason: 'Timeout' }));
  expect(await ensured()).toBe(false);
  stop.abort();
  await world.settle();
  const left = refusals.length;
  await world.advance(120_000);
  expect([refusals.length, world.timers]).toEqual([left, 0]);
});
