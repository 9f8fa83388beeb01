import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Hierarchy } from './hierarchy.ts';
import { weightOf, type Limits } from './limits.ts';

/** Groups by their path below the root, `/kubus/c/n/kubepods`. Rejections are those of the files. */
export interface Groups {
  /** Makes it and what it lies in; one that is there is left as it is. */
  make(path: string): Promise<void>;
  set(path: string, limits: Limits): Promise<void>;
  /** Moves processes there; one that has ended meanwhile is passed over. */
  enter(path: string, pids: readonly number[]): Promise<void>;
  /** Those of the group itself. None where it is not there. */
  processes(path: string): Promise<readonly number[]>;
  /** What is set now; -1 where there is no limit. */
  get(path: string): Promise<Readonly<Record<'cpuShares' | 'cpuQuota' | 'memory', number>>>;
}
export const groupsOf = (hierarchy: Hierarchy): Groups =>
  hierarchy.version === 1 ? groupsV1(hierarchy) : groupsV2(hierarchy.mount);

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
async function move(group: string, pids: readonly number[]): Promise<void> {
  for (const pid of pids)
    await writeFile(join(group, 'cgroup.procs'), String(pid)).catch((error: unknown) => {
      if (codeOf(error) !== 'ESRCH') throw error;
    });
}
const processesIn = async (group: string): Promise<readonly number[]> =>
  (await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => ''))
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0);
const number = async (file: string): Promise<number> => Number((await readFile(file, 'utf8')).trim());
/** Where the kernel writes this or more it means "no limit". */
const HUGE = 2 ** 62;

function groupsV1({ controllers, mounts }: Hierarchy & { version: 1 }): Groups {
  const cpuset = controllers.get('cpuset');
  /** Groups that are known to name processors. */
  const inherited = new Set<string>();
  const folder = (controller: string, path: string): string | undefined => {
    const mount = controllers.get(controller);
    return mount === undefined ? undefined : join(mount, path);
  };
  return {
    async make(path) {
      const plain = mounts.filter((mount) => mount !== cpuset);
      await Promise.all([...plain.map((mount) => mkdir(join(mount, path), { recursive: true })), inheritCpus(path)]);
    },
    async set(path, { cpuShares, cpuQuota, cpuPeriod, memory, pids }) {
      const cpu = folder('cpu', path);
      if (cpu !== undefined) {
        if (cpuShares !== undefined) await writeFile(join(cpu, 'cpu.shares'), String(cpuShares));
        const setPeriod = async (): Promise<void> =>
          cpuPeriod === undefined ? undefined : writeFile(join(cpu, 'cpu.cfs_period_us'), String(cpuPeriod));
        // A shorter period may be too much of the parent's processors until the quota is smaller too.
        const again = await setPeriod().then(
          () => false,
          (error: unknown) => {
            if (codeOf(error) !== 'EINVAL' || cpuQuota === undefined) throw error;
            return true;
          },
        );
        if (cpuQuota !== undefined) await writeFile(join(cpu, 'cpu.cfs_quota_us'), String(cpuQuota));
        if (again) await setPeriod();
      }
      const bytes = folder('memory', path);
      if (bytes !== undefined && memory !== undefined) await writeFile(join(bytes, 'memory.limit_in_bytes'), String(memory)); // prettier-ignore
      const count = folder('pids', path);
      if (count !== undefined && pids !== undefined) await writeFile(join(count, 'pids.max'), String(pids));
    },
    enter: async (path, pids) => {
      for (const mount of mounts) await move(join(mount, path), pids);
    },
    processes: (path) => processesIn(folder('memory', path) ?? ''),
    async get(path) {
      const cpu = folder('cpu', path);
      const bytes = folder('memory', path);
      const memory = bytes === undefined ? -1 : await number(join(bytes, 'memory.limit_in_bytes'));
      return {
        cpuShares: cpu === undefined ? 0 : await number(join(cpu, 'cpu.shares')),
        cpuQuota: cpu === undefined ? -1 : await number(join(cpu, 'cpu.cfs_quota_us')),
        memory: memory >= HUGE ? -1 : memory,
      };
    },
  };
  /**
   * No process enters a group of this controller that names no processors. What a group lies in is looked at once: pods
   * come by the dozen, and there is a file operation for each of its parts. Source: runc fs cpusetEnsureParent.
   */
  async function inheritCpus(path: string): Promise<void> {
    if (cpuset === undefined) return;
    const folders = [''];
    for (const name of path.split('/').filter(Boolean)) folders.push(join(folders.at(-1)!, name));
    const known = folders.findLastIndex((folder, i) => i < folders.length - 1 && (i === 0 || inherited.has(folder)));
    try {
      for (let i = known + 1; i < folders.length; i++) await inherit(cpuset, folders[i]!);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || known === 0) throw error;
      // Somebody has removed what it lies in.
      for (const folder of folders) inherited.delete(folder);
      await inheritCpus(path);
    }
    const parent = folders.at(-2);
    if (parent && !inherited.has(parent)) await handDown(cpuset, parent);
    for (const folder of folders.slice(1, -1)) inherited.add(folder);
  }
  async function inherit(root: string, folder: string): Promise<void> {
    const child = join(root, folder);
    await mkdir(child).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
    // The kernel has both at hand: a thread's turn would take longer than to read them.
    for (const file of ['cpuset.cpus', 'cpuset.mems'])
      if (!existsSync(join(child, file)) || readFileSync(join(child, file), 'utf8').trim() === '')
        await writeFile(join(child, file), readFileSync(join(dirname(child), file)));
  }
  /** What is made in it from now on names the same ones by itself, so that nothing is written for each pod. Source: cgroup-v1/cpusets.rst. */
  async function handDown(root: string, folder: string): Promise<void> {
    await writeFile(join(root, folder, 'cgroup.clone_children'), '1').catch(() => undefined);
  }
}

const WANTED = ['cpuset', 'cpu', 'io', 'memory', 'pids'];
/** Where processes of a group go that is to have groups below it: it may have one or the other. */
const ASIDE = 'kubus-processes';

function groupsV2(mount: string): Groups {
  const enabled = new Set<string>();
  /** Groups below `group` are to have controllers. */
  async function enable(group: string): Promise<void> {
    if (enabled.has(group)) return;
    const available = (await readFile(join(group, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    const wanted = WANTED.filter((name) => available.includes(name));
    const file = join(group, 'cgroup.subtree_control');
    const present = (await readFile(file, 'utf8').catch(() => '')).trim().split(' ');
    const missing = wanted.filter((name) => !present.includes(name));
    if (missing.length > 0) {
      const text = missing.map((name) => `+${name}`).join(' ');
      await writeFile(file, text).catch(async (error: unknown) => {
        if (codeOf(error) !== 'EBUSY') throw error;
        await moveAside(group);
        await writeFile(file, text);
      });
    }
    enabled.add(group);
  }
  async function moveAside(group: string): Promise<void> {
    const aside = join(group, ASIDE);
    await mkdir(aside, { recursive: true });
    await move(aside, await processesIn(group));
  }
  return {
    async make(path) {
      const group = join(mount, path);
      const parents: string[] = [];
      for (let at = dirname(group); at.length >= mount.length; at = dirname(at)) parents.unshift(at);
      for (const parent of parents) {
        await mkdir(parent, { recursive: true });
        await enable(parent);
      }
      await mkdir(group, { recursive: true });
    },
    async set(path, { cpuShares, cpuQuota, cpuPeriod, memory, pids }) {
      const group = join(mount, path);
      const limit = (n: number): string => (n < 0 ? 'max' : String(n));
      if (cpuShares !== undefined) await writeFile(join(group, 'cpu.weight'), String(weightOf(cpuShares)));
      if (cpuQuota !== undefined) await writeFile(join(group, 'cpu.max'), `${limit(cpuQuota)} ${cpuPeriod ?? 100_000}`);
      if (memory !== undefined) await writeFile(join(group, 'memory.max'), limit(memory));
      if (pids !== undefined) await writeFile(join(group, 'pids.max'), limit(pids));
    },
    enter: (path, pids) => move(join(mount, path), pids),
    processes: (path) => processesIn(join(mount, path)),
    async get(path) {
      const group = join(mount, path);
      const text = async (file: string): Promise<string> => (await readFile(join(group, file), 'utf8')).trim();
      const bound = (value: string | undefined): number =>
        value === undefined || value === 'max' ? -1 : Number(value);
      const weight = Number(await text('cpu.weight'));
      return {
        cpuShares: Math.floor(((weight - 1) * 262_142) / 9999 + 2),
        cpuQuota: bound((await text('cpu.max')).split(' ')[0]),
        memory: bound(await text('memory.max')),
      };
    },
  };
}
