import { readFile } from 'node:fs/promises';

/** How this machine's kernel groups processes; folders are mount points, which in a container are its own group. */
export type Hierarchy =
  | {
      readonly version: 1;
      /** Mount point by controller: `cpu`, `cpuacct`, `memory`, `pids`, `cpuset`, ... */
      readonly controllers: ReadonlyMap<string, string>;
      /** Every folder in which a group may have a place: the controllers', named hierarchies, the unified one beside them. */
      readonly mounts: readonly string[];
    }
  | { readonly version: 2; readonly mount: string };

const CONTROLLERS: ReadonlySet<string> = new Set([
  'blkio',
  'cpu',
  'cpuacct',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
  'memory',
  'net_cls',
  'net_prio',
  'perf_event',
  'pids',
  'rdma',
]);
interface MountLine {
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}
/** Source: Linux proc(5) mountinfo; spaces and the like are written in octal. */
function mountLine(line: string): MountLine | undefined {
  const [before = '', after] = line.split(' - ');
  if (after === undefined) return undefined;
  const point = before.split(' ')[4];
  const [type = '', , options = ''] = after.split(' ');
  if (point === undefined) return undefined;
  const plain = point.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCodePoint(parseInt(octal, 8)));
  return { point: plain, type, options: options.split(',') };
}
/**
 * What is mounted, by the text of /proc/self/mountinfo. A controller that is mounted twice is found where the path is
 * shortest. undefined: nothing that limits memory. Pure. Source: kubelet cm getCgroupSubsystemsV1.
 */
export function hierarchyOf(mountinfo: string): Hierarchy | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => mountLine(line) ?? []);
  const controllers = new Map<string, string>();
  const named: string[] = [];
  for (const { point, options } of mounts.filter(({ type }) => type === 'cgroup')) {
    const names = options.filter((option) => CONTROLLERS.has(option));
    if (names.length === 0) named.push(point);
    for (const name of names) {
      const known = controllers.get(name);
      if (known === undefined || point.length < known.length) controllers.set(name, point);
    }
  }
  const unified = mounts
    .filter(({ type }) => type === 'cgroup2')
    .map(({ point }) => point)
    .toSorted((a, b) => a.length - b.length)[0];
  if (controllers.has('memory')) {
    const all = [...controllers.values(), ...named, ...(unified === undefined ? [] : [unified])];
    return { version: 1, controllers, mounts: [...new Set(all)] };
  }
  return unified === undefined ? undefined : { version: 2, mount: unified };
}
/** Of this process. Rejects where there is none that limits memory. */
export async function detectHierarchy(mountinfo = '/proc/self/mountinfo'): Promise<Hierarchy> {
  const found = hierarchyOf(await readFile(mountinfo, 'utf8'));
  if (found === undefined) throw new Error('no cgroup file system is mounted: pods could not be limited (mount /sys/fs/cgroup)'); // prettier-ignore
  return found;
}
/** Folders in which a group has a place. */
export const mountsOf = (hierarchy: Hierarchy): readonly string[] =>
  hierarchy.version === 2 ? [hierarchy.mount] : hierarchy.mounts;
