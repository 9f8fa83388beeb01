import { clusterNames, locate, readConfig } from '../../cluster/config.ts';
import { isUp } from '../../process/supervisor.ts';
import { print, printJson, table } from '../output.ts';

/** All clusters of this user on this machine. */
export function list(options: { output: string }): void {
  const rows = clusterNames().map((name) => {
    const paths = locate(name);
    const config = readConfig(paths);
    const pid = isUp(paths);
    return {
      name,
      state: pid === undefined ? 'down' : 'up',
      pid,
      nodes: config?.nodes,
      server: `https://127.0.0.1:${config?.port}`,
      data: paths.dir,
    };
  });
  if (options.output === 'json') return printJson(rows);
  if (rows.length === 0) return print('No clusters. Start one with: kubus up');
  print(
    table(
      ['NAME', 'STATE', 'NODES', 'SERVER', 'DATA'],
      rows.map((r) => [r.name, r.state, String(r.nodes), r.server, r.data]),
    ),
  );
}
