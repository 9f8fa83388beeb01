import type { Commands } from '../../host/commands.ts';
import { anyLoops, detachLoops } from '../../host/loop-devices.ts';
import type { NodePaths } from '../../host/paths.ts';

/** Folder of what a container has written; undefined: it has none, or its runtime keeps it elsewhere. Rejects with CommandError. */
export async function layerOf(commands: Pick<Commands, 'run'>, { containerd }: Pick<NodePaths, 'containerd'>, id: string): Promise<string | undefined> {
  const args = ['--address', containerd.socket, '--namespace', 'k8s.io', 'snapshots', 'mounts', '/nowhere', id];
  const { code, stdout } = await commands.run('ctr', args);
  return code === 0 ? /upperdir=([^,\s]+)/.exec(stdout)?.[1] : undefined;
} // prettier-ignore
/** Detaches loop devices of files that a container has written: with its layer nobody finds them any more. Rejects with CommandError. */
export async function detachLoopsOf(commands: Commands, paths: NodePaths, id: string): Promise<void> {
  if (!(await anyLoops())) return;
  const layer = await layerOf(commands, paths, id);
  if (layer !== undefined) await detachLoops(layer, commands);
}
