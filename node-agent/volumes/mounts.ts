import { readFile } from 'node:fs/promises';
import type { Commands } from '../host/commands.ts';

export interface MountPoint {
  readonly path: string;
  /** `tmpfs`, `ext4`, ... */
  readonly type: string;
  /** What is mounted, as the kernel tells it. */
  readonly source: string;
  /** Of the file system, the folder that is mounted. */
  readonly root: string;
}
/** What is mounted in this process's mount namespace. Methods reject with CommandError. */
export interface Mounts {
  /** In the order in which they were mounted. */
  list(): Promise<readonly MountPoint[]>;
  tmpfs(path: string, options: readonly string[], signal?: AbortSignal): Promise<void>;
  /** `source` as the kernel resolves it, links of /proc included. `readOnly` and `options`: of this mount alone. */
  bind(source: string, path: string, how?: { readonly readOnly?: boolean; readonly options?: readonly string[]; readonly signal?: AbortSignal | undefined }): Promise<void>; // prettier-ignore
  /** Rejects with what the program said, as kubelets tell it. Source: mount-utils doMount. */
  fileSystem(type: string, source: string, path: string, options: readonly string[], signal?: AbortSignal): Promise<void>; // prettier-ignore
  /** Rejects while it is busy. */
  unmount(path: string): Promise<void>;
}
/** Servers that do not answer are waited for so long, ms. */
const SLOW_MS = 120_000;

export function machineMounts(commands: Commands, table = '/proc/self/mountinfo'): Mounts {
  return {
    list: async () => parseMountInfo(await readFile(table, 'utf8')),
    async tmpfs(path, options, signal) {
      const said = options.length > 0 ? ['-o', options.join(',')] : [];
      await commands.must('mount', ['-t', 'tmpfs', ...said, 'tmpfs', path], { signal });
    },
    async bind(source, path, { readOnly = false, options = [], signal } = {}) {
      await commands.must('mount', ['--no-canonicalize', '--bind', source, path], { signal });
      const said = [...options, ...(readOnly ? ['ro'] : [])];
      if (said.length > 0) await commands.must('mount', ['--no-canonicalize', '-o', ['remount', 'bind', ...said].join(','), path], { signal }); // prettier-ignore
    },
    async fileSystem(type, source, path, options, signal) {
      const args = ['-t', type, ...(options.length > 0 ? ['-o', options.join(',')] : []), source, path];
      const { code, stdout, stderr } = await commands.run('mount', args, { signal, timeoutMs: SLOW_MS });
      if (code !== 0)
        throw new Error(
          `mount failed: exit status ${code}\nMounting command: mount\nMounting arguments: ${args.join(' ')}\nOutput: ${stdout}${stderr}\n`,
        );
    },
    async unmount(path) {
      await commands.must('umount', ['--no-canonicalize', '--', path]);
    },
  };
}

/** Source: proc_pid_mountinfo(5). Lines that are none are left out. */
export function parseMountInfo(text: string): MountPoint[] {
  const found: MountPoint[] = [];
  for (const line of text.split('\n')) {
    const [before = '', after] = line.split(' - ', 2);
    const [, , , root, path] = before.split(' ');
    const [type, source] = after?.split(' ') ?? [];
    if (root === undefined || path === undefined || type === undefined) continue;
    found.push({
      path: unescaped(path),
      type: unescaped(type),
      source: unescaped(source ?? ''),
      root: unescaped(root),
    });
  }
  return found;
}
const unescaped = (text: string): string => {
  if (!text.includes('\\')) return text;
  // The kernel writes bytes: what is escaped may be a part of a character.
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  return Buffer.from(bytes.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))), 'latin1').toString('utf8'); // prettier-ignore
};
/** Mounts below a folder or on it, innermost first: in the order in which they can be unmounted. */
export const mountsWithin = (mounts: readonly MountPoint[], folder: string): readonly MountPoint[] =>
  mounts.filter(({ path }) => path === folder || path.startsWith(`${folder}/`)).toReversed();
/** What is mounted on top of a path; undefined: nothing. */
export const mountedOn = (mounts: readonly MountPoint[], path: string): MountPoint | undefined =>
  mounts.findLast((one) => one.path === path);
