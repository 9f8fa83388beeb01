import { lstat, readdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FsStats } from '../../../bus/protocol/node.ts';

export interface DiskUse {
  readonly bytes: number;
  readonly inodes: number;
}
const BLOCK = 512;
const AT_ONCE = 16;

/**
 * What a folder and all in it take on its disk, other mounts left out; a file with several names counts once. What is not
 * there takes nothing. Source: kubelet volume/util/fs DiskUsage.
 */
export async function diskUse(folder: string): Promise<DiskUse> {
  const top = await lstat(folder).catch(() => undefined);
  if (top === undefined) return { bytes: 0, inodes: 0 };
  let bytes = top.blocks * BLOCK;
  let inodes = 1;
  const linked = new Set<number>();
  const waiting = top.isDirectory() ? [folder] : [];
  const visit = async (at: string): Promise<void> => {
    // What goes away while it is counted is not there.
    for (const name of await readdir(at).catch(() => [])) {
      const path = join(at, name);
      const entry = await lstat(path).catch(() => undefined);
      if (entry === undefined || entry.dev !== top.dev) continue;
      if (entry.nlink > 1 && !entry.isDirectory()) {
        if (linked.has(entry.ino)) continue;
        linked.add(entry.ino);
      }
      bytes += entry.blocks * BLOCK;
      inodes++;
      if (entry.isDirectory()) waiting.push(path);
    }
  };
  while (waiting.length > 0) await Promise.all(waiting.splice(0, AT_ONCE).map(visit));
  return { bytes, inodes };
}
/** Of the whole file system that a path is on. Rejects as statfs does. */
export async function fsStats(path: string, time: string): Promise<FsStats> {
  const fs = await statfs(path);
  return {
    time,
    availableBytes: fs.bavail * fs.bsize,
    capacityBytes: fs.blocks * fs.bsize,
    usedBytes: (fs.blocks - fs.bfree) * fs.bsize,
    inodesFree: fs.ffree,
    inodes: fs.files,
    inodesUsed: fs.files - fs.ffree,
  };
}
/** The same file system, with what one user of it takes. */
export const partOf = (fs: FsStats, { bytes, inodes }: DiskUse): FsStats => ({
  ...fs,
  usedBytes: bytes,
  inodesUsed: inodes,
});
/** Of a volume's folder: of the whole of what is mounted there, else of what is in it. */
export async function volumeFs(folder: string, time: string): Promise<FsStats | undefined> {
  const [own, parent] = await Promise.all([folder, dirname(folder)].map((path) => lstat(path).catch(() => undefined)));
  if (own === undefined || parent === undefined) return undefined;
  const fs = await fsStats(folder, time).catch(() => undefined);
  return fs === undefined || own.dev !== parent.dev ? fs : partOf(fs, await diskUse(folder));
}
