import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { MachineNames } from '../../machine/names.ts';
import { finish } from '../../testing/cluster.ts';

/** What of a machine real nodes could leave behind, as lines. */
export type Picture = Readonly<Record<string, readonly string[]>>;
const COVERED = ['/var/lib/cni', '/var/lib/kubelet', '/var/log/pods', '/var/log/containers'];
/** In the name of a file that a driver makes a loop device of: others attach and detach theirs meanwhile. */
export const LOOP_FILE = 'kubus-real-nodes.img';
const HIERARCHIES = '/sys/fs/cgroup';
const SYSCTLS = ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding', 'net/ipv4/conf/all/rp_filter', 'kernel/hostname']; // prettier-ignore

/** `names`: of the cluster; other clusters of the machine have cgroups too, and come and go. */
export async function takePicture(names: MachineNames): Promise<Picture> {
  const said = async (program: string, ...args: string[]): Promise<string[]> =>
    (await finish(program, args, process.env)).stdout.split('\n').filter((line) => line !== '');
  return {
    links: (await said('ip', '-o', 'link')).map((line) => line.split(': ')[1] ?? line),
    routes: await said('ip', 'route', 'show', 'table', 'all'),
    rules: await said('nft', 'list', 'ruleset'),
    mounts: readFileSync('/proc/self/mounts', 'utf8').split('\n'),
    cgroups: groups().filter((group) => group.includes(names.cgroup)),
    sysctls: SYSCTLS.map((name) => `${name} ${readFileSync(`/proc/sys/${name}`, 'utf8').trim()}`),
    processes: processes(),
    loops: (await said('losetup', '--list', '--noheadings', '--output', 'BACK-FILE')).filter((file) =>
      file.includes(LOOP_FILE),
    ),
    held: COVERED.flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : [])).filter((name) =>
      name.endsWith(names.comment),
    ),
  };
}
/** Two levels are enough to see whose they are. */
function groups(): string[] {
  const below = (folder: string): string[] => {
    try {
      return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [`${folder}/${e.name}`] : []));
    } catch {
      return [];
    }
  }; // prettier-ignore
  return below(HIERARCHIES).flatMap((one) => [one, ...below(one)]);
}
/** Command lines of what runs here, but for this program's own helpers and what has ended. */
function processes(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return command === '' ? [] : [command];
      } catch {
        return [];
      }
    })
    .sort();
}
/** What there is more or less of than before, a line each. */
export const differences = (before: Picture, after: Picture): string[] =>
  Object.keys(before).flatMap((part) => [
    ...(after[part] ?? []).filter((line) => !before[part]!.includes(line)).map((line) => `${part}: + ${line}`),
    ...before[part]!.filter((line) => !(after[part] ?? []).includes(line)).map((line) => `${part}: - ${line}`),
  ]);
