import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { CommandError, type CommandResult, type Commands } from '../host/commands.ts';
import type { VolumeHost } from './plugin.ts';

/** ms. A disk that is half formatted or half repaired is worse than one that is waited for. */
const AS_LONG_AS_IT_TAKES = 2 ** 31 - 1;
/** Exit statuses. Source: blkid(8), fsck(8). */
const NOTHING_FOUND = 2;
const ERRORS_LEFT = 4;
/** Of a device that is divided, which nobody formats. */
const DIVIDED = 'unknown data, probably partitions';

/**
 * Mounts the file system of a device, checked, and made where the device carries nothing at all: what somebody has mounted,
 * divided or put into a pool is never formatted, whether or not it can be read. `signal` keeps no program from ending.
 * Rejects with upstream's messages. Source: mount-utils formatAndMountSensitive.
 */
export async function formatAndMount(
  { commands, mounts, world }: Pick<VolumeHost, 'commands' | 'mounts' | 'world'>,
  device: string,
  path: string,
  o: { readonly type: string; readonly options: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = o;
  const type = o.type === '' ? 'ext4' : o.type;
  const options = [...o.options, 'defaults'];
  const isReadOnly = options.includes('ro');
  const found = await formatOf(commands, device, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Error(`failed to get disk format of disk ${device}: ${shown(error)}`, { cause: error });
  });
  signal.throwIfAborted();
  if (found === '') {
    if (isReadOnly) throw new Error(`cannot mount unformatted disk ${device} as we are manipulating it in read-only mode`);
    const about = `type:(${goQuote(type)}) target:(${goQuote(path)}) options:(${goQuote(options.join(','))})`;
    const failed = (why: string, output: string): Error =>
      new Error(`format of disk ${goQuote(device)} failed: ${about} errcode:(${why}) output:(${output}) `);
    await untouched(device).catch((error: unknown) => {
      throw failed(shown(error), '');
    });
    const { code, output } = await ran(commands, `mkfs.${type}`, [...FORMATTING(type), device]);
    if (code !== 0) throw failed(typeof code === 'string' ? code : `exit status ${code}`, output);
    world.log.info('disk formatted', { device, type });
  } else if (!isReadOnly) {
    const { code, output } = await ran(commands, 'fsck', ['-a', device]);
    if (code === ERRORS_LEFT) throw new Error(`'fsck' found errors on device ${device} but could not correct them: ${output}`);
    if (code !== 0) world.log.warn('disk not clean, or not checked', { device, code, output });
  }
  signal.throwIfAborted();
  await mounts.fileSystem(type, device, path, options, signal);
} // prettier-ignore

const FORMATTING = (type: string): readonly string[] =>
  type === 'ext4' || type === 'ext3' ? ['-F', '-m0'] : type === 'xfs' ? ['-f'] : [];

/** What is on a device: `ext4`, `crypto_LUKS`, ...; '': nothing that anybody knows. Rejects where that cannot be told. Source: mount-utils getDiskFormat. */
export async function formatOf(commands: Commands, device: string, signal: AbortSignal): Promise<string> {
  const args = ['-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'export', device];
  const { code, stdout, stderr } = await commands.run('blkid', args, { signal });
  if (code === NOTHING_FOUND) return '';
  if (code !== 0) throw new Error(`exit status ${code}`);
  const output = stdout + stderr;
  const said = new Map<string, string>();
  for (const line of output.split('\n').filter((text) => text !== '')) {
    const [name = '', value, ...more] = line.split('=');
    if (value === undefined || more.length > 0) throw new Error(`blkid returns invalid output: ${output}`);
    said.set(name, value);
  }
  return said.get('PTTYPE') ? DIVIDED : (said.get('TYPE') ?? '');
}
/** Rejects: EBUSY where the kernel has given the device to somebody, EIO and such where it cannot be read (blkid would find nothing). */
async function untouched(device: string): Promise<void> {
  const file = await open(device, constants.O_RDONLY | constants.O_EXCL);
  try {
    await file.read(Buffer.alloc(1), 0, 1, 0);
  } finally {
    await file.close();
  }
}
/** `code`: what Go says where there is no such program. */
export async function ran(commands: Commands, program: string, args: readonly string[]): Promise<{ readonly code: number | string; readonly output: string }> {
  try {
    const { code, stdout, stderr }: CommandResult = await commands.run(program, args, { timeoutMs: AS_LONG_AS_IT_TAKES });
    return { code, output: stdout + stderr };
  } catch (error) {
    return { code: shown(error), output: '' };
  }
} // prettier-ignore
const CODES: Readonly<Record<string, string>> = {
  EBUSY: 'device or resource busy',
  EIO: 'input/output error',
  ENOENT: 'no such file or directory',
};
export function shown(error: unknown): string {
  const { code } = (error instanceof CommandError ? (error.cause ?? error) : error) as NodeJS.ErrnoException;
  if (error instanceof CommandError && code === 'ENOENT') return 'executable file not found in $PATH';
  return CODES[code ?? ''] ?? (error as Error).message;
}
