import { expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { Liveness } from './liveness.ts';

it('a proxy is well until a change has waited for a minute, however many came after it', async () => {
  const world = testWorld();
  const liveness = new Liveness(world.clock);
  await world.advance(600_000);
  expect(liveness.report()).toMatchObject({ code: 200 });
  liveness.queued();
  await world.advance(40_000);
  liveness.queued();
  expect(liveness.report(true).code).toBe(200);
  expect(liveness.report(false).code).toBe(503);
  await world.advance(20_000);
  const { code, body } = liveness.report();
  expect(code).toBe(503);
  const told = JSON.parse(body) as { healthy: boolean; lastUpdated: string; currentTime: string };
  expect(told.healthy).toBe(false);
  expect(told.lastUpdated < told.currentTime).toBe(true);
  liveness.updated();
  expect(liveness.isHealthy).toBe(true);
});
