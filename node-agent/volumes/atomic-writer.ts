import {
  chmodSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Clock } from '../../bus/world.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { byteLength } from '../../schemas/meta/names.ts';

/** A file of a volume that the kubelet writes. */
export interface FileContent {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Owner; default whoever the kubelet is. */
  readonly user?: number | undefined;
}
/** By path below the volume, as it was asked for. */
export type Payload = ReadonlyMap<string, FileContent>;

const DATA = '..data';
const NEW_DATA = '..data_tmp';
/** Source: pkg/volume/util/atomic_writer.go. */
const LONGEST_NAME = 255;
const LONGEST_PATH = 4096;

/**
 * Makes the folder, which exists, show exactly the payload: files lie in a folder of their own that the link `..data` is
 * swapped to, so who reads through one `..data` never sees a mix; a payload that is there is not written again. What a
 * writer that was cut off left behind does no harm. Resolves with whether something was written. Rejects: Error.
 * A payload is a megabyte at most, nothing waits for a disk, and there are some thirty steps: to hand each of them to a
 * thread takes ten times the processor, which pods that start together do not have.
 * Source: pkg/volume/util/atomic_writer.go; the order of steps is its.
 */
export async function writeAtomically(folder: string, payload: Payload, clock: Clock, setPermissions: () => Promise<void>): Promise<boolean> {
  const files = cleaned(payload);
  const old = linkOf(join(folder, DATA));
  const surplus = old === undefined ? [] : notIn(files, join(folder, old));
  const isDue = old === undefined || surplus.length > 0 || differs(files, join(folder, old));
  if (isDue) {
    const made = mkdtempSync(join(folder, `..${stamp(clock)}.`));
    try {
      chmodSync(made, 0o755);
      for (const [path, content] of files) write(join(made, path), content);
      await setPermissions();
      rmSync(join(folder, NEW_DATA), { force: true });
      symlinkSync(made.slice(folder.length + 1), join(folder, NEW_DATA));
      renameSync(join(folder, NEW_DATA), join(folder, DATA));
    } catch (error) {
      for (const left of [join(folder, NEW_DATA), made]) discard(left);
      throw error;
    }
  }
  show(folder, files);
  for (const name of new Set(surplus.map(firstOf)))
    if (![...files.keys()].some((path) => firstOf(path) === name)) rmSync(join(folder, name), { force: true });
  if (isDue) sweep(folder);
  return isDue;
} // prettier-ignore

const firstOf = (path: string): string => path.split('/', 1)[0]!;
/** `2006_01_02_15_04_05`. */
const stamp = (clock: Clock): string => new Date(clock.now()).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '_');

function cleaned(payload: Payload): Map<string, FileContent> {
  const files = new Map<string, FileContent>();
  for (const [path, content] of payload) {
    check(path);
    files.set(normalize(path).replace(/\/$/, ''), content);
  }
  return files;
}
function check(path: string): void {
  if (path === '') throw new Error(`invalid path: must not be empty: ${goQuote(path)}`);
  if (path.startsWith('/')) throw new Error(`invalid path: must be relative path: ${path}`);
  if (byteLength(path) > LONGEST_PATH)
    throw new Error(`invalid path: must be less than or equal to ${LONGEST_PATH} characters`);
  const parts = path.split('/');
  for (const part of parts) {
    if (part === '..') throw new Error(`invalid path: must not contain '..': ${path}`);
    if (byteLength(part) > LONGEST_NAME)
      throw new Error(`invalid path: filenames must be less than or equal to ${LONGEST_NAME} characters`);
  }
  if (parts[0]!.startsWith('..')) throw new Error(`invalid path: must not start with '..': ${path}`);
}
function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
/** Paths below a folder that the payload has not: files, and folders that lead to none of its files. */
function notIn(files: ReadonlyMap<string, FileContent>, folder: string): string[] {
  const wanted = new Set<string>();
  for (const file of files.keys()) for (let path = file; path !== '.'; path = dirname(path)) wanted.add(path);
  let present: string[];
  try {
    present = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return present.filter((path) => !wanted.has(path));
}
function differs(files: ReadonlyMap<string, FileContent>, folder: string): boolean {
  for (const [path, { data }] of files) {
    try {
      const present = readFileSync(join(folder, path));
      if (!present.equals(data)) return true;
    } catch {
      // Not there, or a folder where a file should be: written anew.
      return true;
    }
  }
  return false;
}
function write(path: string, { data, mode, user }: FileContent): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, data, { mode: 0o600 });
  // The umask takes nothing away from this one.
  chmodSync(path, mode);
  if (user !== undefined) lchownSync(path, user, lstatSync(path).gid);
}
/** Each first part of a path is a link through `..data`. */
function show(folder: string, files: ReadonlyMap<string, FileContent>): void {
  for (const name of new Set([...files.keys()].map(firstOf)))
    try {
      symlinkSync(join(DATA, name), join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
}
/** The error that is at hand is the one to tell. */
function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // The next writer sweeps it away.
  }
}
/** Folders of payloads that `..data` does not lead to. */
function sweep(folder: string): void {
  const current = linkOf(join(folder, DATA));
  for (const name of readdirSync(folder))
    if (/^\.\.\d{4}_/.test(name) && name !== current) rmSync(join(folder, name), { recursive: true, force: true });
}
