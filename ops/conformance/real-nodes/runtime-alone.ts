import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import { machineCommands } from '../../../node-agent/host/commands.ts';
import { NODE_PATHS, nodePaths, NODE_ROOT, type NodePaths } from '../../../node-agent/host/paths.ts';
import { connectCri } from '../../../node-agent/runtime/cri/service.ts';
import { PAUSE_IMAGE, pauseArchive } from '../../images/oci.ts';
import { containerdConfig } from '../../machine/containerd.ts';
import { keepProcess } from '../../machine/kept-process.ts';
import { machineNames, machinePaths, nodeCgroup } from '../../machine/names.ts';
import { into } from '../../machine/namespaces.ts';
import { architecture } from '../../machine/nodes.ts';
import { readRecord } from '../../machine/record.ts';
import { eventually } from '../../testing/cluster.ts';
import { directPods, type DirectPods } from './direct-pods.ts';

export interface RuntimeAlone extends DirectPods {
  close(): Promise<void>;
}
/** What this one keeps, beside what the node's own keeps. */
const NAME = 'alone';
const besides = (paths: NodePaths): NodePaths => ({
  ...paths,
  logs: join(paths.root, NAME, 'logs'),
  containerd: {
    config: join(paths.root, NAME, 'containerd.toml'),
    root: join(paths.root, NAME, 'containerd'),
    state: join(paths.root, 'run', NAME),
    socket: join(paths.root, 'run', `${NAME}.sock`),
    log: join(paths.root, NAME, 'containerd.log'),
  },
});

/**
 * Another containerd in a node's namespaces, of the same program, configuration, disk and pod network as the node's own, with
 * these images. The node agent knows nothing of it: it ends each minute what belongs to no pod of its own, and hears of each
 * container of its runtime, so on the same containerd it would be in the way of the runtime alone, or take part in it.
 */
export async function runtimeAlone(o: {
  readonly world: World;
  /** Of the cluster. */
  readonly data: string;
  readonly node: string;
  /** Archives, and the names of what is in them. */
  readonly archives: readonly string[];
  readonly images: readonly string[];
}): Promise<RuntimeAlone> {
  const machine = machinePaths(o.data);
  const first = readRecord(machine.record).processes[o.node];
  if (first === undefined) throw new Error(`${o.node} has no first process`);
  const through = into(first.pid);
  const [here, inside] = [besides(nodePaths(machine.node(o.node))), besides(NODE_PATHS)];
  for (const folder of [here.containerd.state, here.logs]) mkdirSync(folder, { recursive: true });
  writeFileSync(here.containerd.config, containerdConfig({ paths: inside, pauseImage: PAUSE_IMAGE }));
  const pause = join(here.root, NAME, 'pause.tar');
  writeFileSync(pause, pauseArchive(architecture()));
  const containerd = keepProcess({
    name: 'containerd alone',
    command: [...through, 'containerd', '--config', inside.containerd.config],
    log: here.containerd.log,
    warn: (text) => console.error(text),
  });
  const cri = await connectCri(o.world, here.containerd.socket);
  await eventually('the runtime alone answers', () => cri.version());
  const commands = machineCommands(o.world, through);
  for (const archive of [join(NODE_ROOT, NAME, 'pause.tar'), ...o.archives])
    await commands.must('ctr', ['--address', inside.containerd.socket, '--namespace', 'k8s.io', 'images', 'import', archive]); // prettier-ignore
  await eventually('it has the images', async () => {
    const names = (await cri.images()).flatMap(({ repoTags }) => repoTags);
    return [PAUSE_IMAGE, ...o.images].every((image) => names.includes(image)) ? true : undefined;
  });
  // As deep as where a kubelet has its pods.
  const cgroup = `${nodeCgroup(machineNames(o.data), o.node)}/${NAME}/besteffort`;
  const direct = directPods({ cri, cgroup, logs: { inside: inside.logs, here: here.logs } });
  return {
    ...direct,
    close: async () => {
      await direct.clear();
      cri.close();
      await containerd.end();
    },
  };
}
