import { constants, type Stats } from 'node:fs';
import { chmod, lstat, mkdir, open, readlink, realpath, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { mountedOn, type Mounts } from './mounts.ts';

/** Of Linux; node:fs has no name for it. */
const O_PATH = 0o10000000;
const NO_FOLLOW = O_PATH | constants.O_NOFOLLOW;

const within = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);
/** What is open, by a name that only the kernel can give. */
const nameOf = (file: FileHandle): string => `/proc/self/fd/${file.fd}`;

/**
 * Opens a path within a folder part by part, none of which may be a link: what opens it holds the very file, whoever swaps
 * what for a link meanwhile. Rejects: Error, links and what is not there. Source: pkg/volume/util/subpath doSafeOpen.
 */
export async function openWithin(folder: string, path: string): Promise<FileHandle> {
  if (!within(path, folder)) throw new Error(`path ${path} is outside of base ${folder}`);
  let at = await open(folder, NO_FOLLOW);
  try {
    await refuseLink(at, folder);
    for (const part of path.slice(folder.length).split(sep).filter(Boolean)) {
      const next = await open(join(nameOf(at), part), NO_FOLLOW);
      await at.close();
      at = next;
      await refuseLink(at, part);
    }
    return at;
  } catch (error) {
    await at.close();
    throw error;
  }
}
async function refuseLink(file: FileHandle, what: string): Promise<Stats> {
  const stats = await file.stat();
  if (stats.isSymbolicLink()) throw new Error(`unexpected symlink found ${what}`);
  return stats;
}

/**
 * Makes the folders that a path within a volume still lacks; those that are there may be links, as long as they stay within.
 * Rejects: Error. Source: subpath doSafeMakeDir.
 */
export async function makeWithin(volume: string, subPath: string, mode: number): Promise<void> {
  const base = await realpath(volume);
  const parts = join('/', subPath).split(sep).filter(Boolean);
  let there = base;
  while (parts.length > 0) {
    const next = await realpath(join(there, parts[0]!)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (next === undefined) break;
    if (!within(next, base)) throw new Error(`path ${next} is outside of allowed base ${base}`);
    there = next;
    parts.shift();
  }
  let at = await openWithin(base, there);
  try {
    for (const part of parts) {
      await mkdir(join(nameOf(at), part), { mode }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      const next = await open(join(nameOf(at), part), NO_FOLLOW | constants.O_DIRECTORY);
      await at.close();
      at = next;
      // The umask takes nothing away from it.
      await chmod(nameOf(at), mode);
    }
  } finally {
    await at.close();
  }
}

/**
 * Binds what a path within a volume is, links resolved as long as they stay within it, to a place of the kubelet's own that
 * is handed to the container: nobody in a container can change what that is. Resolves with the place.
 * Source: pkg/volume/util/subpath doBindSubPath.
 */
export async function bindSubPath(mounts: Mounts, volume: string, subPath: string, target: string, signal: AbortSignal): Promise<string> {
  const base = await realpath(volume);
  const path = await realpath(join(base, subPath));
  const file = await openWithin(base, path);
  try {
    const stats = await file.stat();
    if (mountedOn(await mounts.list(), target) !== undefined) {
      const there = await stat(target);
      if (there.dev === stats.dev && there.ino === stats.ino) return target;
      await mounts.unmount(target);
    }
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    await place(target, stats.isDirectory());
    signal.throwIfAborted();
    // Another process mounts it: its /proc/self would be another.
    const own = await readlink('/proc/self');
    await mounts.bind(`/proc/${own}/fd/${file.fd}`, target, { signal });
    return target;
  } finally {
    await file.close();
  }
} // prettier-ignore
async function place(target: string, isFolder: boolean): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined && there.isDirectory() !== isFolder) await rm(target, { recursive: true });
  if (isFolder) await mkdir(target, { recursive: true, mode: 0o750 });
  else await writeFile(target, '', { mode: 0o640 });
}
