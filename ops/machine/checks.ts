import { readFileSync } from 'node:fs';
import { realWorld } from '../../bus/real-world.ts';
import { hierarchyOf } from '../../node-agent/cgroups/hierarchy.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { findCniPlugins, findProgram, missingPackages } from './tools.ts';

/** One thing that real nodes need of a machine. */
export interface MachineCheck {
  readonly name: string;
  /** What there is. Thrown: Error with what to do about what is missing. */
  readonly look: () => Promise<string> | string;
}
const aptHint = (): string => {
  const packages = missingPackages();
  return packages.length === 0 ? '' : `: apt-get install -y --no-install-recommends ${packages.join(' ')}`;
};
/** What makes a node, tried in namespaces that are gone at once. */
const NETWORK = 'ip link add kb0 type bridge && ip link add kb1 type veth peer name kb2 && nft add table ip kubus && iptables -S >/dev/null'; // prettier-ignore

export function machineChecks(): MachineCheck[] {
  const commands = machineCommands(realWorld({ component: 'doctor', level: 'silent' }));
  const program = (name: string, args: readonly string[], what = /\d[\w.~+-]*/): MachineCheck => ({
    name,
    look: async () => {
      const file = findProgram(name);
      if (file === undefined) throw new Error(`missing${aptHint()}`);
      return `${what.exec(await commands.must(file, args))?.[0] ?? ''} (${file})`;
    },
  });
  return [
    {
      name: 'system',
      look: () => {
        if (process.platform === 'linux') return 'Linux';
        throw new Error(
          `${process.platform}: real nodes need Linux; docker compose --profile containers up has them elsewhere`,
        );
      },
    },
    {
      name: 'root',
      look: () => {
        if (process.getuid?.() === 0) return 'yes';
        throw new Error('no: namespaces, networks and containers need it: sudo ./kubus up --runtime cri');
      },
    },
    {
      name: 'namespaces',
      look: async () => {
        const done = await commands.run('unshare', ['--net', '--mount', '--pid', '--uts', '--ipc', '--fork', '--', 'true']); // prettier-ignore
        if (done.code === 0) return 'net, mount, pid, uts, ipc';
        throw new Error(`${done.stderr.trim()}: root on the machine itself is needed, or a privileged container`);
      },
    },
    {
      name: 'network',
      look: async () => {
        const done = await commands.run('unshare', ['--net', '--', 'sh', '-c', NETWORK]);
        if (done.code === 0) return 'bridges, cables, nftables, iptables';
        throw new Error(
          `${done.stderr.trim().split('\n').at(-1)}: the kernel needs bridge, veth and nf_tables${aptHint()}`,
        );
      },
    },
    {
      name: 'cgroups',
      look: () => {
        const hierarchy = hierarchyOf(readFileSync('/proc/self/mountinfo', 'utf8'));
        if (hierarchy !== undefined) return `v${hierarchy.version}`;
        throw new Error('none: mount -t cgroup2 none /sys/fs/cgroup');
      },
    },
    {
      name: 'overlayfs',
      look: async () => {
        const has = (): boolean => /\boverlay$/m.test(readFileSync('/proc/filesystems', 'utf8'));
        if (!has()) await commands.run('modprobe', ['overlay']);
        if (has()) return 'yes';
        throw new Error('the kernel has none: modprobe overlay');
      },
    },
    program('containerd', ['--version'], /\d+\.\d+\.\d+\S*/),
    program('runc', ['--version'], /\d+\.\d+\.\d+\S*/),
    {
      name: 'CNI plugins',
      look: () => {
        const folder = findCniPlugins();
        if (folder === undefined) throw new Error(`missing${aptHint()}`);
        return folder;
      },
    },
    program('nft', ['--version'], /v\d[\w.]*/),
    program('iptables', ['--version'], /v\d.*/),
    program('conntrack', ['--version'], /v\d[\w.]*/),
    program('ip', ['-V'], /iproute2\S*/),
  ];
}
