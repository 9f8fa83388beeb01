import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../../../bus/world.ts';
import { machineCommands, type Commands } from '../../../host/commands.ts';
import { nodePaths, type NodePaths } from '../../../host/paths.ts';

const PLUGINS = '/usr/lib/cni';
/** Why no containerd can be started here; undefined where one can. */
export function noContainerd(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['containerd', 'runc', 'ctr', 'ip', 'unshare'].find((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0); // prettier-ignore
  if (missing !== undefined) return `needs ${missing}`;
  if (!existsSync(join(PLUGINS, 'bridge'))) return 'needs CNI plugins';
  if (!existsSync('/bin/busybox')) return 'needs a static busybox';
  return spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true']).status === 0 ? undefined : 'needs namespaces'; // prettier-ignore
}

/** A containerd in namespaces of its own; all that it runs ends with them. */
export interface PrivateContainerd {
  readonly paths: NodePaths;
  /** Below which its containers' cgroups are. */
  readonly cgroup: string;
  readonly commands: Commands;
  /** Ends containerd alone, with SIGKILL; another takes its place. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}
export async function privateContainerd(o: {
  readonly world: World;
  /** Its configuration file. */
  readonly config: (paths: NodePaths, plugins: string) => string;
}): Promise<PrivateContainerd> {
  const root = await mkdtemp(join(tmpdir(), 'kba-'));
  const paths = nodePaths(root);
  const cgroup = `/${root.slice(root.lastIndexOf('/') + 1)}`;
  for (const folder of [paths.cni.conf, paths.cni.ipam, join(root, 'run'), paths.pods, paths.logs]) await mkdir(folder, { recursive: true }); // prettier-ignore
  await writeFile(paths.containerd.config, o.config(paths, PLUGINS));
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.244.9.0/24' }]], dataDir: paths.cni.ipam };
  const bridge = { type: 'bridge', bridge: 'kba0', isGateway: true, ipam };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  await writeFile(join(paths.cni.conf, '10.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [bridge, portmap] })); // prettier-ignore
  const script = `mount -t tmpfs kba /run && mkdir -p /run/netns /run/lock && mount -t tmpfs kba /var/lib/cni && ip link set lo up && ip link add kba1 type veth peer name kba2 && ip link set kba1 up && ip addr add 172.30.0.2/24 dev kba1 && while :; do containerd -c ${paths.containerd.config} >>${paths.containerd.log} 2>&1; done`;
  const child = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', `mkdir -p /var/lib/cni; ${script}`], { stdio: 'ignore' }); // prettier-ignore
  const childrenOf = (pid: number): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number); // prettier-ignore
  const inside = (): number => childrenOf(child.pid!)[0]!;
  return {
    paths,
    cgroup,
    commands: machineCommands(o.world),
    async kill() {
      const pid = childrenOf(inside()).find((one) => readFileSync(`/proc/${one}/comm`, 'utf8').trim() === 'containerd');
      if (pid === undefined) throw new Error('containerd does not run');
      process.kill(pid, 'SIGKILL');
    },
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      process.kill(inside(), 'SIGKILL');
      await ended;
      removeGroups(cgroup);
      await rm(root, { recursive: true, force: true });
    },
  };
}
/** What runs in them ends a little after the namespaces do. */
function removeGroups(cgroup: string): void {
  const remove = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) remove(join(path, entry.name));
    for (let tries = 0; tries < 100; tries++)
      try {
        return rmdirSync(path);
      } catch {
        spawnSync('sleep', ['0.05']);
      }
  };
  const root = '/sys/fs/cgroup';
  for (const path of [join(root, cgroup), ...readdirSync(root).map((name) => join(root, name, cgroup))]) if (existsSync(path)) remove(path);
} // prettier-ignore
