import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { writeAtomically, type Payload } from './atomic-writer.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'kbd-atomic-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));
const { clock } = testWorld();
const nothing = async (): Promise<void> => undefined;
const payloadOf = (files: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));
const write = (files: Readonly<Record<string, string>>, mode?: number): Promise<boolean> =>
  writeAtomically(folder, payloadOf(files, mode), clock, nothing);

/** What a container sees: files by path, nothing whose name begins with two dots. */
async function seen(): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const walk = async (path: string): Promise<void> => {
    for (const name of await readdir(join(folder, path))) {
      const at = join(path, name);
      if (path === '' && name.startsWith('..')) continue;
      const text = await readFile(join(folder, at), 'utf8').catch(() => undefined);
      if (text === undefined) await walk(at);
      else found[at] = text;
    }
  };
  await walk('');
  return found;
}
const hidden = async (): Promise<string[]> => (await readdir(folder)).filter((name) => name.startsWith('..')).sort();

describe('a payload', () => {
  it('is laid out as links through ..data', async () => {
    expect(await write({ a: '1', 'd/e/f': '2' }, 0o400)).toBe(true);
    expect(await readlink(join(folder, 'a'))).toBe('..data/a');
    expect(await readlink(join(folder, 'd'))).toBe('..data/d');
    expect(await readlink(join(folder, '..data'))).toMatch(/^\.\.2026_01_01_00_00_00\.\w{6}$/);
    expect(((await lstat(join(folder, '..data', 'a'))).mode & 0o777).toString(8)).toBe('400');
    expect(((await stat(join(folder, '..data'))).mode & 0o777).toString(8)).toBe('755');
  });
  it('that is there is not written again', async () => {
    await write({ a: '1', 'd/e': '2' });
    const before = await readlink(join(folder, '..data'));
    expect(await write({ a: '1', 'd/e': '2' })).toBe(false);
    expect(await readlink(join(folder, '..data'))).toBe(before);
  });
  it('is shown again where a link was taken away', async () => {
    await write({ a: '1', b: '2' });
    await rm(join(folder, 'a'));
    expect(await write({ a: '1', b: '2' })).toBe(false);
    expect(await seen()).toEqual({ a: '1', b: '2' });
  });
  it('comes whole after a writer that was cut off', async () => {
    await write({ a: '1' });
    await mkdir(join(folder, '..2026_01_01_00_00_00.abcdef'));
    await writeFile(join(folder, '..2026_01_01_00_00_00.abcdef', 'a'), 'half');
    await symlink('..2026_01_01_00_00_00.abcdef', join(folder, '..data_tmp'));
    await write({ a: '2' });
    expect(await seen()).toEqual({ a: '2' });
    expect(await hidden()).toHaveLength(2);
  });
  it('whose permissions cannot be set leaves what was there', async () => {
    await write({ a: '1' });
    const before = await hidden();
    const refused = writeAtomically(folder, payloadOf({ a: '2' }), clock, () => Promise.reject(new Error('refused')));
    await expect(refused).rejects.toThrow('refused');
    expect(await seen()).toEqual({ a: '1' });
    expect(await hidden()).toEqual(before);
  });
  it.each([
    ['', 'invalid path: must not be empty: ""'],
    ['/a', 'invalid path: must be relative path: /a'],
    ['a/../b', "invalid path: must not contain '..': a/../b"],
    ['..a', "invalid path: must not start with '..': ..a"],
    [`a/${'x'.repeat(256)}`, 'invalid path: filenames must be less than or equal to 255 characters'],
    ['a/'.repeat(2_049), 'invalid path: must be less than or equal to 4096 characters'],
  ])('of a path that cannot be is refused (%#)', async (path, why) => {
    await expect(write({ [path]: '1' })).rejects.toThrow(why);
    expect(await readdir(folder)).toEqual([]);
  });
});

/** Paths that can stand beside each other: none is a folder of another. */
const payloads = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd/x', 'd/y/z', 'e/f'), fc.constantFrom('', '1', '2', '\u00e9'), {
    maxKeys: 6,
  }) // prettier-ignore
  .map((files) => ({ ...files }));
it('whatever is written one after the other, exactly the last is seen, and nothing else is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(payloads, { minLength: 1, maxLength: 6 }), async (all) => {
      for (const files of all) {
        await write(files);
        expect(await seen()).toEqual(files);
        expect(await hidden()).toHaveLength(2);
      }
      await rm(folder, { recursive: true });
      await mkdir(folder);
    }),
    { numRuns: 15 },
  );
});
it('who reads through one ..data never sees a mix', async () => {
  const names = ['a', 'b', 'd/c'];
  const version = (n: number): Record<string, string> => Object.fromEntries(names.map((name) => [name, String(n)]));
  await write(version(0));
  // As a process does that keeps the folder open: what goes under its feet is told, not mixed.
  const told = new Int32Array(new SharedArrayBuffer(12));
  const [READS, MIXED, DONE] = [0, 1, 2] as const;
  const reader = new Worker(
    `const { readFileSync, readlinkSync } = require('node:fs');
     const { folder, names, told } = require('node:worker_threads').workerData;
     const text = (file) => { try { return [readFileSync(file, 'utf8')]; } catch { return []; } };
     while (Atomics.load(told, ${DONE}) === 0) {
       const at = readlinkSync(folder + '/..data');
       if (new Set(names.flatMap((name) => text(folder + '/' + at + '/' + name))).size > 1) Atomics.add(told, ${MIXED}, 1);
       Atomics.add(told, ${READS}, 1);
     }`,
    { eval: true, workerData: { folder, names, told } },
  );
  const gone = new Promise((resolve) => reader.once('exit', resolve));
  let last = 0;
  while (last < 30 || Atomics.load(told, READS) < 100) {
    await write(version(++last));
    await new Promise(setImmediate);
  }
  Atomics.store(told, DONE, 1);
  await gone;
  expect(Atomics.load(told, MIXED)).toBe(0);
  expect(await seen()).toEqual(version(last));
});
