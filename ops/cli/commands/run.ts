import { resolve } from 'node:path';
import { readConfig, requireCluster } from '../../cluster/config.ts';
import { clusterPaths, type ClusterPaths } from '../../cluster/paths.ts';
import { COMPONENTS, type ComponentName } from '../../process/spec.ts';
import { startProcess } from '../../process/start.ts';
import { print, printError, UserError } from '../output.ts';

function folderOf({ name, data }: { name: string; data?: string }): ClusterPaths {
  if (data === undefined) return requireCluster(name).paths;
  const paths = clusterPaths(resolve(data));
  if (readConfig(paths) === undefined)
    throw new UserError(
      `there is no cluster in ${paths.dir}: point --data to the folder of one, or start one there first`,
    );
  return paths;
}
/** Components in this process, against a bus that is somewhere else; until a signal comes. */
export async function run(
  components: readonly string[],
  options: { name: string; nats?: string; data?: string; host: string },
): Promise<void> {
  const unknown = components.find((c) => !(COMPONENTS as readonly string[]).includes(c));
  if (unknown !== undefined)
    throw new UserError(`there is no component "${unknown}": choose from ${COMPONENTS.join(', ')}`, 2);
  const { dir } = folderOf(options);
  const running = await startProcess({
    name: components.join('-'),
    components: components as ComponentName[],
    dir,
    host: options.host,
    nats: options.nats,
  });
  const signal = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name));
  });
  const first = await Promise.race([running.ready.then(() => 'ready'), running.failed, signal]);
  if (first === 'ready') print(`running: ${components.join(', ')}`);
  const why = first === 'ready' ? await Promise.race([signal, running.failed]) : first;
  if (!why.startsWith('SIG')) printError(`kubus: ${why}`);
  await running.stop();
  process.exit(why.startsWith('SIG') ? 0 : 1);
}
