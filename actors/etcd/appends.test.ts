import { expect, it } from 'vitest';
import { isNoSpace, noSpaceDetails, type Log } from '../../bus/log.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { testWorld } from '../runtime/testing/world.ts';
import { Appends } from './appends.ts';

const MIB = 1024 * 1024;
const entry = { key: '/a', value: undefined, id: 'a' };
/** A log that answers when it is told to. */
function slowLog(): { log: Log; answer: PromiseWithResolvers<number> } {
  const answer = Promise.withResolvers<number>();
  return { log: { append: () => answer.promise } as unknown as Log, answer };
}
const outcome = (append: Promise<number>): Promise<unknown> => append.catch((error: unknown) => error);

it('says within a second that the disk is full when the log is silent and there is no room', async () => {
  const world = testWorld();
  const appends = new Appends(world, slowLog().log, () => 100_000);
  const both = [outcome(appends.append(entry)), outcome(appends.append(entry))];
  await world.advance(1_000);
  for (const error of await Promise.all(both))
    expect([reasonOf(error), isNoSpace(error)]).toEqual(['InternalError', true]);
  await world.advance(1_000);
  expect(world.timers).toBe(0);
});
it.each([
  ['there is room', () => 5 * MIB],
  ['nobody knows how much room there is', undefined],
])('waits for a log that is only slow while %s', async (_name, freeBytes) => {
  const world = testWorld();
  const { log, answer } = slowLog();
  const append = outcome(new Appends(world, log, freeBytes).append(entry));
  await world.advance(10_000);
  answer.resolve(7);
  expect(await append).toBe(7);
});
it('takes the answer of a full disk that comes in time', async () => {
  const { log, answer } = slowLog();
  const append = new Appends(testWorld(), log, () => 0).append(entry);
  answer.resolve(7);
  expect(await append).toBe(7);
});
it('tells a limit of the log in the same words, and other errors as they are', async () => {
  const refused = (error: ApiError): Promise<unknown> => {
    const { log, answer } = slowLog();
    answer.reject(error);
    return outcome(new Appends(testWorld(), log, () => 0).append(entry));
  };
  expect(await refused(new ApiError('ServiceUnavailable', 'no room', { details: noSpaceDetails }))).toMatchObject({
    message: 'etcdserver: mvcc: database space exceeded: no room',
  });
  expect(reasonOf(await refused(new ApiError('Conflict', 'x')))).toBe('Conflict');
});
