import { ApiError, type StatusReason } from '../../../schemas/meta/status.ts';
import type { Controller } from '../controller.ts';
import type { TestCluster } from './cluster.ts';

const REFUSALS: readonly StatusReason[] = ['Conflict', 'ServiceUnavailable', 'TooManyRequests', 'Timeout'];

/**
 * Plays a bad day by the world's seed: a third of the controllers' calls are refused, watches break, leadership goes and
 * comes back, while `turns` happen one after the other. Then all is well again for two minutes.
 */
export async function badDay(
  c: TestCluster,
  controllers: readonly Controller[],
  turns: readonly (() => Promise<unknown>)[],
): Promise<void> {
  const { random } = c.world;
  c.api.intercept = ({ caller, verb }) => {
    if (!caller.startsWith('controller:') || verb === 'watch' || random() > 0.33) return;
    throw new ApiError(REFUSALS[Math.floor(random() * REFUSALS.length)]!, 'a bad day');
  };
  for (const turn of turns) {
    await turn();
    await c.world.advance(random() * 2_000);
    if (random() < 0.5) c.api.closeWatches();
    await c.world.advance(random() * 100);
    if (random() < 0.5) continue;
    for (const controller of controllers) controller.deactivate();
    await c.world.advance(random() * 1_000);
    for (const controller of controllers) controller.activate();
  }
  c.api.intercept = undefined;
  await c.world.advance(120_000);
}
