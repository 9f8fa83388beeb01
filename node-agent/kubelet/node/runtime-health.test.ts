import { expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { CriStatus } from '../../runtime/cri/messages.ts';
import { createRuntimeHealth } from './runtime-health.ts';

const condition = (type: string, message = '') =>
  ({ type, status: message === '', reason: message === '' ? '' : 'NetworkPluginNotReady', message }); // prettier-ignore
const status = (...conditions: ReturnType<typeof condition>[]): CriStatus => ({ status: { conditions }, runtimeHandlers: [] }); // prettier-ignore
const WELL = status(condition('RuntimeReady'), condition('NetworkReady'));
const NO_NETWORK = status(
  condition('RuntimeReady'),
  condition('NetworkReady', 'Network plugin returns error: cni plugin not initialized'),
);

it('says what keeps a node from running pods, from its start to a runtime that is gone and back', async () => {
  const world = testWorld();
  let answer: CriStatus | undefined = NO_NETWORK;
  let asked = 0;
  let changes = 0;
  const health = createRuntimeHealth({
    world,
    status: async () => {
      asked++;
      if (answer === undefined) throw new Error('connection refused');
      return answer;
    },
    onChange: () => changes++,
  });
  expect(health.problems()[0]).toBe('container runtime status check may not have completed yet');
  health.start();
  await world.settle();
  expect(health.problems()).toEqual([
    'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
  ]);
  await world.advance(1_000);
  expect([changes, asked >= 10]).toEqual([1, true]);
  answer = WELL;
  await world.advance(100);
  expect([health.problems(), changes]).toEqual([[], 2]);
  const before = asked;
  await world.advance(60_000);
  expect(asked - before).toBe(12);
  answer = undefined;
  await world.advance(29_000);
  expect(health.problems()).toEqual([]);
  await world.advance(10_000);
  expect([health.problems(), changes]).toEqual([['container runtime is down'], 3]);
  answer = status(condition('RuntimeReady', 'no'));
  await world.advance(5_000);
  expect(health.problems()).toEqual([
    'container runtime is down',
    'container runtime not ready: RuntimeReady=false reason:NetworkPluginNotReady message:no',
    'container runtime network not ready: <nil>',
  ]);
  answer = WELL;
  await world.advance(5_000);
  expect(health.problems()).toEqual([]);
  health.stop();
  await world.advance(60_000);
  expect(world.timers).toBe(0);
});
it('hears of it when the runtime can do something else', async () => {
  const world = testWorld();
  let answer = WELL;
  let changes = 0;
  const health = createRuntimeHealth({ world, status: async () => answer, onChange: () => changes++ });
  expect(health.abilities()).toBe(undefined);
  health.start();
  await world.settle();
  expect([health.abilities(), changes]).toEqual([{ runtimeHandlers: [] }, 1]);
  answer = { ...WELL, features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false } };
  await world.advance(5_000);
  expect([health.abilities()?.features?.supplementalGroupsPolicy, changes]).toEqual([true, 2]);
  await world.advance(10_000);
  expect(changes).toBe(2);
  health.stop();
});
