import { locate, noCluster, removeCluster } from '../../cluster/config.ts';
import { existsSync } from 'node:fs';
import { unmergeKubeconfig } from '../../cluster/kubeconfig.ts';
import { userKubeconfig } from '../../cluster/paths.ts';
import { machinePaths } from '../../machine/names.ts';
import { stopLeftover } from '../../nats/server.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printError, Progress, UserError } from '../output.ts';

const PATIENCE_MS = 30_000;

/**
 * Stops a cluster, takes its context out of the kubeconfig and, if asked, removes its data. Reads nothing of the data:
 * what cannot be read can be removed all the same.
 */
export async function down(options: { name: string; deleteData?: boolean }): Promise<void> {
  const { name } = options;
  const paths = locate(name);
  if (!existsSync(paths.config) && !existsSync(paths.lock)) throw noCluster(name);
  const pid = isUp(paths);
  if (pid !== undefined) {
    await new Progress().step(`stopping "${name}"`, async () => {
      process.kill(pid, 'SIGTERM');
      const deadline = Date.now() + PATIENCE_MS;
      while (isUp(paths) === pid) {
        if (Date.now() > deadline)
          throw new UserError(
            `process ${pid} does not stop; end it with: kill -9 ${pid} (nothing acknowledged is lost by that)`,
          );
        await new Promise((r) => setTimeout(r, 20));
      }
    });
  }
  // Left behind by a process that was killed.
  await stopLeftover(paths.nats);
  if (existsSync(machinePaths(paths.dir).record))
    await (await import('../../machine/sweep.ts')).sweepLeftover(paths.dir);
  try {
    await unmergeKubeconfig(userKubeconfig(), name);
  } catch (error) {
    printError(`kubus: ${(error as Error).message}`);
  }
  if (options.deleteData) {
    removeCluster(name, paths);
    print(`Cluster "${name}" and its data are gone.`);
  } else
    print(
      !existsSync(paths.config)
        ? `Cluster "${name}" is down; nothing of it was kept.`
        : pid === undefined
          ? `Cluster "${name}" was not up.`
          : `Cluster "${name}" is down; its data is kept in ${paths.dir}.`,
    );
}
