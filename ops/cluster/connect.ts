import type { Bus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import { readCredentials } from '../process/credentials.ts';
import type { ClusterPaths } from './paths.ts';

/** On a running cluster's bus as its console. Close with `bus.drain()`. */
export async function connectConsole(paths: ClusterPaths): Promise<{ readonly bus: Bus; readonly world: World }> {
  const world = realWorld({ component: 'console', level: 'silent' });
  try {
    return {
      world,
      bus: await connectNats({
        world,
        name: 'console',
        credentials: readCredentials(paths.dir, 'console'),
        connectTimeoutMs: 2000,
      }),
    };
  } catch (error) {
    throw new UserError(
      `the bus of this cluster does not answer (${(error as Error).message}): is it up? See: kubus list`,
    );
  }
}
