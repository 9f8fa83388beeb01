import { clusterNames, locate, readConfig, type ClusterConfig } from '../../cluster/config.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printError, printJson, table } from '../output.ts';

/** All clusters of this user on this machine; one whose data cannot be read does not hide the others. */
export function list(options: { output: string }): void {
  const rows = clusterNames().map((name) => {
    const paths = locate(name);
    let config: ClusterConfig | undefined;
    try {
      config = readConfig(paths);
    } catch (error) {
      printError(`kubus: ${(error as Error).message}`);
    }
    const pid = isUp(paths);
    return {
      name,
      state: pid !== undefined ? 'up' : config === undefined ? 'unreadable' : 'down',
      pid,
      nodes: config?.nodes,
      server: config === undefined ? undefined : `https://127.0.0.1:${config.port}`,
      data: paths.dir,
    };
  });
  if (options.output === 'json') return printJson(rows);
  if (rows.length === 0) return print('No clusters. Start one with: kubus up');
  print(
    table(
      ['NAME', 'STATE', 'NODES', 'SERVER', 'DATA'],
      rows.map((r) => [r.name, r.state, String(r.nodes ?? ''), r.server ?? '', r.data]),
    ),
  );
}
