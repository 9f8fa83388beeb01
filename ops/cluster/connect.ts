import type { Bus } from '../../bus/bus.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import { downHere } from './config.ts';
import { readCredentials } from '../process/credentials.ts';
import type { ClusterPaths } from './paths.ts';

/** On a running cluster's bus as one of people's tools (see `ops/process/credentials.ts`). Close with `bus.drain()`. */
export async function connectTool(
  paths: ClusterPaths,
  role: 'supervisor' | 'console' | 'admin' | 'store-reader',
): Promise<{ readonly bus: Bus; readonly world: World }> {
  const world = realWorld({ component: role, level: 'silent' });
  try {
    return {
      world,
      bus: await connectNats({
        world,
        name: role,
        credentials: readCredentials(paths.dir, role),
        connectTimeoutMs: 2000,
      }),
    };
  } catch (error) {
    // `kubus up` makes the keys that are missing, too.
    const down = downHere(paths);
    if (down !== undefined || (error as Error).name === 'UserError') throw down ?? error;
    throw new UserError(
      `the bus of this cluster does not answer (${(error as Error).message}): is it up? See: kubus list`,
    );
  }
}
