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
  // Clocks count whole milliseconds.
  const pass = (ms: number): Promise<void> => c.world.advance(Math.floor(random() * ms));
  c.api.intercept = ({ caller, verb }) => {
    if (!caller.startsWith('controller:') || verb === 'watch' || random() > 0.33) return;
    throw new ApiError(REFUSALS[Math.floor(random() * REFUSALS.length)]!, 'a bad day');
  };
  for (const turn of turns) {
    await turn();
    await pass(2_000);
    if (random() < 0.5) c.api.closeWatches();
    await pass(100);
    if (random() < 0.5) continue;
    for (const controller of controllers) controller.deactivate();
    await pass(1_000);
    for (const controller of controllers) controller.activate();
  }
  c.api.intercept = undefined;
  await c.world.advance(120_000);
}
