import { afterEach, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Component } from '../runtime/component.ts';
import { nodes, pods } from '../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../runtime/testing/world.ts';
import { startScheduler } from './actor.ts';
import { aNode, aPod } from './testing/objects.ts';
import { noBus } from './testing/no-bus.ts';

let world: TestWorld;
let api: FakeApi;
let scheduler: Component;
/** One node of two processors, on which pods of priority 1 are. */
async function ready(...low: string[]): Promise<ApiClient> {
  world = testWorld();
  api = fakeApi(world);
  scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler') });
  const client = api.client();
  await client.create(nodes, aNode('one', { allocatable: { cpu: '2' } }));
  for (const name of low) await client.create(pods, wanting(name, '1', 1));
  await world.until(() => low.every((name) => get(name)?.spec?.nodeName === 'one'));
  return client;
}
afterEach(async () => {
  const stopping = scheduler.stop();
  await world.settle();
  await stopping;
});
const wanting = (name: string, cpu: string, priority: number): Pod =>
  aPod(name, { requests: { cpu }, spec: { priority, terminationGracePeriodSeconds: 30 } });
const get = (name: string): Pod | undefined => api.object<Pod>(pods, `default/${name}`);
const nominated = (name: string): string | undefined => get(name)?.status?.nominatedNodeName ?? undefined;
const isLeaving = (name: string): boolean => get(name)?.metadata.deletionTimestamp !== undefined;
const evictions = (): string[] =>
  api.calls.filter((c) => c.caller === 'scheduler' && c.verb === 'delete' && c.resource === 'pods').map((c) => c.name);

it('evicts nobody who leaves already, and waits', async () => {
  const client = await ready('a', 'b');
  await client.delete(pods, 'a', 'default');
  await client.delete(pods, 'b', 'default');
  await client.create(pods, wanting('high', '2', 100));
  await world.until(() => nominated('high') === 'one', 5_000);
  await world.advance(5_000);
  expect(evictions()).toEqual([]);
  for (const name of ['a', 'b']) await client.delete(pods, name, 'default', { gracePeriodSeconds: 0 });
  await world.until(() => get('high')?.spec?.nodeName === 'one', 15_000);
});
it('takes back what less important pods were promised there', async () => {
  const client = await ready('a', 'b');
  await client.create(pods, wanting('middle', '1', 50));
  await world.until(() => nominated('middle') === 'one', 5_000);
  const first = evictions();
  await client.create(pods, wanting('high', '2', 100));
  await world.until(() => nominated('high') === 'one' && nominated('middle') === undefined, 5_000);
  expect(evictions().sort()).toEqual(['a', 'b']);
  expect(first).toHaveLength(1);
  expect(isLeaving('a') && isLeaving('b')).toBe(true);
});
it('tries again when a victim could not be evicted', async () => {
  const client = await ready('a');
  let failures = 1;
  api.intercept = (call) => {
    if (call.caller === 'scheduler' && call.verb === 'delete' && failures-- > 0) throw new ApiError('ServiceUnavailable', 'away');
  };
  await client.create(pods, wanting('high', '2', 100));
  await world.until(() => isLeaving('a'), 30_000);
  const mark = get('a')?.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  expect(mark).toMatchObject({ reason: 'PreemptionByScheduler', message: 'default-scheduler: preempting to accommodate a higher priority pod' });
}); // prettier-ignore
