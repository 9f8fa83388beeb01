import { lstat, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Commands } from './commands.ts';
import { deviceNumber } from './device-number.ts';

/** An attached loop device, as losetup tells it. */
interface Loop {
  readonly name: string;
  /** Of the file behind it: inode, `major:minor` of its file system, and path, from where it was seen last. */
  readonly inode: string;
  readonly device: string;
  readonly path: string;
}
/** A file below the folder. */
interface Found {
  readonly path: string;
  readonly inode: string;
  readonly device: string;
}
/** Major number of file systems that lie on no device, as those of containers. */
const LAYERED = /^0:/;
const DELETED = / \(deleted\)$/;

/**
 * Whether it is the file behind a loop device. Its path is of no use alone: it was made in a mount namespace, and when that has
 * ended what is left of it is its end. What was written in a container has the inode of the file in its layer and the device of
 * all layers, which has gone by now. Pure.
 */
export const isBehind = (loop: Loop, file: Found): boolean =>
  loop.inode === file.inode &&
  (loop.device === file.device || (LAYERED.test(loop.device) && file.path.endsWith(loop.path)));

/**
 * Detaches the loop devices whose files lie below a folder: drivers attach them, and nobody else knows of them when those have
 * ended. One that is still used goes when it is not. What cannot be looked at stays as it is.
 */
export async function detachLoops(folder: string, commands: Commands): Promise<void> {
  const loops = await attached(commands);
  if (loops.length === 0) return;
  const files = await filesOf(folder, new Set(loops.map(({ inode }) => inode)), commands);
  for (const loop of loops)
    if (files.some((file) => isBehind(loop, file)))
      await commands.run('losetup', ['--detach', loop.name]).catch(() => undefined);
}
/** Whether any is attached on the machine: by looking, which costs next to nothing. */
export async function anyLoops(devices = '/sys/block'): Promise<boolean> {
  const names = (await readdir(devices).catch((): string[] => [])).filter((name) => name.startsWith('loop'));
  const attachments = names.map((name) => stat(join(devices, name, 'loop')).then(() => true, () => false));
  return (await Promise.all(attachments)).includes(true);
} // prettier-ignore
async function attached(commands: Commands): Promise<readonly Loop[]> {
  const columns = 'NAME,BACK-INO,BACK-MAJ:MIN,BACK-FILE';
  const { code, stdout } = await commands.run('losetup', ['--list', '--json', '--output', columns]).catch(() => NOTHING);
  // It says nothing at all where there are none.
  if (code !== 0 || stdout.trim() === '') return [];
  let told: { readonly loopdevices?: readonly Readonly<Record<string, string | number | null>>[] };
  try {
    told = JSON.parse(stdout) as typeof told;
  } catch {
    return [];
  }
  return (told.loopdevices ?? []).flatMap((one) => {
    const inode = String(one['back-ino'] ?? '').trim();
    // One that is detached at this moment has none.
    if (!/^\d+$/.test(inode)) return [];
    const path = String(one['back-file'] ?? '').replace(DELETED, '');
    return [{ name: String(one['name']), inode, device: String(one['back-maj:min']).trim(), path }];
  });
} // prettier-ignore
const NOTHING = { code: 1, stdout: '' };

/** Files below a folder that have one of the inodes. */
async function filesOf(folder: string, inodes: ReadonlySet<string>, commands: Commands): Promise<readonly Found[]> {
  const anyOf = [...inodes].flatMap((inode, at) => [...(at === 0 ? [] : ['-o']), '-inum', inode]);
  const args = [folder, '-xdev', '-type', 'f', '(', ...anyOf, ')', '-print0'];
  // What of it could not be looked at does not matter to the rest.
  const { stdout } = await commands.run('find', args, { timeoutMs: SEARCH_MS }).catch(() => NOTHING);
  const found = stdout.split('\0').filter((path) => path !== '');
  const stats = found.map(async (path): Promise<Found[]> => {
    const file = await lstat(path, { bigint: true }).catch(() => undefined);
    return file === undefined ? [] : [{ path, inode: String(file.ino), device: deviceNumber(file.dev) }];
  });
  return (await Promise.all(stats)).flat();
}
/** A cluster has as many files as its images. */
const SEARCH_MS = 60_000;
