import { existsSync } from 'node:fs';
import { clusterNames, locate, nodeCount, readConfig, type ClusterConfig } from '../../cluster/config.ts';
import { machinePaths } from '../../machine/names.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printError, printJson, table } from '../output.ts';

/** All clusters of this user on this machine; one whose data cannot be read does not hide the others. */
export async function list(options: { output: string }): Promise<void> {
  const left: string[] = [];
  const rows = clusterNames().map((name) => {
    const paths = locate(name);
    let config: ClusterConfig | undefined;
    try {
      config = readConfig(paths);
    } catch (error) {
      printError(`kubus: ${(error as Error).message}`);
    }
    const pid = isUp(paths);
    if (pid === undefined && existsSync(machinePaths(paths.dir).record)) left.push(paths.dir);
    return {
      name,
      state: pid !== undefined ? 'up' : config === undefined ? 'unreadable' : 'down',
      pid,
      nodes: config && nodeCount(config),
      server: config === undefined ? undefined : `https://127.0.0.1:${config.port}`,
      data: paths.dir,
    };
  });
  for (const dir of left) {
    const { sweepLeftover } = await import('../../machine/sweep.ts');
    await sweepLeftover(dir).catch((error: unknown) => printError(`kubus: ${(error as Error).message}`));
  }
  if (options.output === 'json') return printJson(rows);
  if (rows.length === 0) return print('No clusters. Start one with: kubus up');
  print(
    table(
      ['NAME', 'STATE', 'NODES', 'SERVER', 'DATA'],
      rows.map((r) => [r.name, r.state, String(r.nodes ?? ''), r.server ?? '', r.data]),
    ),
  );
}
