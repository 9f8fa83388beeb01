import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { requireCluster } from '../../cluster/config.ts';
import { unmergeKubeconfig } from '../../cluster/kubeconfig.ts';
import { clustersDir, userKubeconfig } from '../../cluster/paths.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, Progress, UserError } from '../output.ts';

const PATIENCE_MS = 30_000;

/** Stops a cluster, takes its context out of the kubeconfig and, if asked, removes its data. */
export async function down(options: { name: string; deleteData?: boolean }): Promise<void> {
  const { paths, config } = requireCluster(options.name);
  const pid = isUp(paths);
  if (pid !== undefined) {
    await new Progress().step(`stopping "${config.name}"`, async () => {
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
  await unmergeKubeconfig(userKubeconfig(), config.name);
  if (options.deleteData) {
    rmSync(paths.dir, { recursive: true, force: true });
    rmSync(join(clustersDir(), config.name), { recursive: true, force: true });
    print(`Cluster "${config.name}" and its data are gone.`);
  } else
    print(
      pid === undefined
        ? `Cluster "${config.name}" was not up.`
        : `Cluster "${config.name}" is down; its data is kept in ${paths.dir}.`,
    );
}
