import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import { machineCommands, type Commands } from '../../host/commands.ts';

const TOOLS = ['ip', 'nft', 'unshare', 'nsenter', 'busybox'];
const PLUGINS = '/usr/lib/cni';
/** Why tests with real packets cannot run here; undefined where they can. */
export function noPackets(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = TOOLS.find((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  if (missing !== undefined) return `needs ${missing}`;
  if (!existsSync(join(PLUGINS, 'ptp'))) return 'needs CNI plugins';
  return spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true']).status === 0 ? undefined : 'needs namespaces'; // prettier-ignore
}

/** A machine within the machine: namespaces of its own, in which others are made; all end with it. */
export interface PrivateMachine {
  readonly folder: string;
  /** In the network namespace of this name, made by `namespace`; without one on the wire between them. */
  commands(namespace?: string): Commands;
  namespace(name: string): Promise<void>;
  /** A namespace on the wire with these addresses (`10.99.0.1/24`), its link `eth0`. Resolves with its /proc/net. */
  node(name: string, ...addresses: readonly string[]): Promise<string>;
  /** A pod of a node, made as runtimes do by the configuration that the node has. Resolves with its addresses. */
  pod(
    node: string,
    name: string,
    cni: { readonly conflist: string; readonly plugins: string },
    portMappings?: readonly unknown[],
  ): Promise<string[]>;
  end(): Promise<void>;
}
export async function privateMachine(world: World): Promise<PrivateMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'kbg-'));
  const child = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', 'mount -t tmpfs kbg /run && mkdir /run/netns && ip link set lo up && ip link add kbg0 type bridge && ip link set kbg0 up && echo $$ && exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('no namespaces')));
  });
  const inside = Number(
    spawnSync('pgrep', ['-P', String(child.pid)])
      .stdout.toString()
      .trim(),
  );
  const into = ['nsenter', `--target=${inside}`, '--net', '--mount', '--pid', '--'];
  const wire = machineCommands(world, into);
  const commands: PrivateMachine['commands'] = (namespace) =>
    namespace === undefined
      ? wire
      : machineCommands(world, [...into, 'nsenter', `--net=/run/netns/${namespace}`, '--']);
  const others: ChildProcess[] = [];
  const namespace = async (name: string): Promise<void> => {
    await wire.must('ip', ['netns', 'add', name]);
    await commands(name).must('ip', ['link', 'set', 'lo', 'up']);
  };
  return {
    folder,
    commands,
    namespace,
    async node(name, ...addresses) {
      await namespace(name);
      await wire.must('ip', ['link', 'add', `kbg-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name]);
      await wire.must('ip', ['link', 'set', `kbg-${name}`, 'master', 'kbg0', 'up']);
      for (const address of addresses)
        await commands(name).must('ip', ['address', 'add', address, 'dev', 'eth0', ...(address.includes(':') ? ['nodad'] : [])]); // prettier-ignore
      await commands(name).must('ip', ['link', 'set', 'eth0', 'mtu', '1400', 'up']);
      const [enter = '', ...args] = into.filter((arg) => arg !== '--pid');
      const inIt = spawn(enter, [...args, 'nsenter', `--net=/run/netns/${name}`, '--', 'sh', '-c', 'echo; exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] }); // prettier-ignore
      others.push(inIt);
      await new Promise((resolve) => inIt.stdout.once('data', resolve));
      return `/proc/${inIt.pid}/net`;
    },
    async pod(node, name, { conflist, plugins }, portMappings) {
      await namespace(name);
      const list = JSON.parse(conflist) as { cniVersion: string; name: string; plugins: { type: string }[] };
      let prevResult: { ips?: { address: string }[] } | undefined;
      for (const plugin of list.plugins) {
        const input = JSON.stringify({ ...plugin, cniVersion: list.cniVersion, name: list.name, ...(prevResult && { prevResult }), ...(plugin.type === 'portmap' && { runtimeConfig: { portMappings: portMappings ?? [] } }) }); // prettier-ignore
        const told = await commands(node).run('env', ['CNI_COMMAND=ADD', `CNI_CONTAINERID=${name}`, `CNI_NETNS=/run/netns/${name}`, 'CNI_IFNAME=eth0', `CNI_PATH=${plugins}`, `${plugins}/${plugin.type}`], { input }); // prettier-ignore
        if (told.code !== 0) throw new Error(`${plugin.type}: ${told.stdout}`);
        prevResult = JSON.parse(told.stdout) as typeof prevResult;
      }
      return (prevResult?.ips ?? []).map(({ address }) => address.split('/')[0]!);
    },
    async end() {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      for (const one of [child, ...others]) one.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
