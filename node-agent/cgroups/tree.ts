import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { delay, type Clock } from '../../bus/world.ts';
import { mountsOf, type Hierarchy } from './hierarchy.ts';

export interface TreeOptions {
  readonly clock: Clock;
  readonly hierarchy: Hierarchy;
  /** Ends one process at once; default: SIGKILL. */
  readonly kill?: ((pid: number) => void) | undefined;
}
const isGone = (error: unknown): boolean => ['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '');
const folders = async (at: string): Promise<string[]> => {
  const entries = await readdir(at, { withFileTypes: true }).catch((error: unknown) => {
    if (isGone(error)) return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(at, entry.name));
};
/** Of a group and those below it. Those of other process namespaces are not seen. */
async function processes(group: string): Promise<number[]> {
  const own = await readFile(join(group, 'cgroup.procs'), 'utf8').catch(() => '');
  const below = await Promise.all((await folders(group)).map(processes));
  return [
    ...own
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 0),
    ...below.flat(),
  ];
}
async function removeFolders(group: string): Promise<void> {
  for (const below of await folders(group)) await removeFolders(below);
  await rmdir(group).catch((error: unknown) => {
    if (!isGone(error)) throw error;
  });
}
const FIRST_WAIT_MS = 10;
const ATTEMPTS = 7;

/**
 * Takes a group and all below it away, ending what still runs there. What was killed takes a moment to leave, so this is
 * tried for a second. Rejects with why it is still there. Source: kubelet cm podContainerManagerImpl.Destroy, runc RemovePaths.
 */
export async function removeTree(path: string, o: TreeOptions): Promise<void> {
  const kill = o.kill ?? ((pid: number): void => void process.kill(pid, 'SIGKILL'));
  const groups = mountsOf(o.hierarchy).map((mount) => join(mount, path));
  for (let attempt = 1, wait = FIRST_WAIT_MS; ; attempt++, wait *= 2) {
    for (const pid of new Set((await Promise.all(groups.map(processes))).flat()))
      try {
        kill(pid);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    const results = await Promise.allSettled(groups.map(removeFolders));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    const { code } = failed.reason as NodeJS.ErrnoException;
    if (attempt === ATTEMPTS || (code !== 'EBUSY' && code !== 'ENOTEMPTY')) throw failed.reason as Error;
    await thaw(o.hierarchy, path);
    await delay(o.clock, wait);
  }
}
/** What is frozen does not end. */
async function thaw(hierarchy: Hierarchy, path: string): Promise<void> {
  const freezer = hierarchy.version === 1 ? hierarchy.controllers.get('freezer') : undefined;
  if (freezer !== undefined) await writeFile(join(freezer, path, 'freezer.state'), 'THAWED').catch(() => undefined);
}
/** Names of the groups right below one, wherever they have a place. */
export async function groupsBelow(path: string, hierarchy: Hierarchy): Promise<ReadonlySet<string>> {
  const found = await Promise.all(mountsOf(hierarchy).map((mount) => folders(join(mount, path))));
  return new Set(found.flat().map((folder) => folder.slice(folder.lastIndexOf('/') + 1)));
}
