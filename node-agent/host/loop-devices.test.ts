import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import { machineCommands, type Commands } from './commands.ts';
import { deviceNumber } from './device-number.ts';
import { anyLoops, detachLoops, isBehind } from './loop-devices.ts';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'kubus-loops-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const real = machineCommands(realWorld({ level: 'silent', unrefTimers: true }));

describe('the file behind a loop device', () => {
  const file = { path: '/c/layers/7/fs/data/x.img', inode: '12', device: '254:0' };
  it.each([
    ['by its number on its disk, whatever it is called there', { inode: '12', device: '254:0', path: '/y.img' }, true],
    ['not by the number of another disk', { inode: '12', device: '8:1', path: file.path }, false],
    ['in a layer by its number and what is left of its path', { inode: '12', device: '0:103', path: '/data/x.img' }, true],
    ['not by the number alone', { inode: '12', device: '0:103', path: '/data/y.img' }, false],
    ['not by the path alone', { inode: '13', device: '0:103', path: '/data/x.img' }, false],
  ])('is told %s', (_, loop, is) => expect(isBehind({ name: '/dev/loop0', ...loop }, file)).toBe(is)); // prettier-ignore
});

/** A machine with these loop devices; what is found in the folder is real. */
function machine(list: string | undefined): Commands & { readonly detached: string[] } {
  const detached: string[] = [];
  const run: Commands['run'] = async (program, args, options) => {
    if (program !== 'losetup') return real.run(program, args, options);
    if (list === undefined) throw new Error('losetup: spawn losetup ENOENT');
    if (args[0] === '--detach') detached.push(args[1]!);
    return { code: 0, stdout: list, stderr: '' };
  };
  return { detached, run, must: () => Promise.reject(new Error('not used')) };
}
it('what is not of the folder stays attached', async () => {
  const path = join(folder, 'x y\n.img');
  writeFileSync(path, '');
  const { ino, dev } = lstatSync(path, { bigint: true });
  const one = { name: '/dev/loop1', 'back-ino': Number(ino), 'back-maj:min': ` ${deviceNumber(dev)} `, 'back-file': '/gone (deleted)' }; // prettier-ignore
  const other = { name: '/dev/loop2', 'back-ino': Number(ino), 'back-maj:min': '8:1', 'back-file': path };
  const list = JSON.stringify({
    loopdevices: [other, one, { name: '/dev/loop3', 'back-ino': null, 'back-file': null }],
  });
  const here = machine(list);
  await detachLoops(folder, here);
  expect(here.detached).toEqual(['/dev/loop1']);
  await detachLoops(join(folder, 'nowhere'), here);
  expect(here.detached).toHaveLength(1);
});
it.each([['there are none', ''], ['nobody can tell', undefined], ['what is told makes no sense', '{']])('nothing is done where %s', async (_, list) => {
  const here = machine(list);
  await detachLoops(folder, here);
  expect(here.detached).toEqual([]);
}); // prettier-ignore

it('it is seen whether there are any', async () => {
  mkdirSync(join(folder, 'loop0'));
  mkdirSync(join(folder, 'vda', 'loop'), { recursive: true });
  expect([await anyLoops(folder), await anyLoops(join(folder, 'nowhere'))]).toEqual([false, false]);
  mkdirSync(join(folder, 'loop1', 'loop'), { recursive: true });
  expect(await anyLoops(folder)).toBe(true);
});

/** Attached within mounts that have gone since, in a layer and on a bound folder. Arguments: folder, another one. */
const ATTACH = `set -e
cd "$1"
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
mount --bind data bound
mkdir merged/in
for file in merged/in/x.img bound/y.img "$2/z.img"; do
  truncate -s 1M "$file"
  losetup --find --show "$file"
done`;
const ALONE = ['--mount', '--propagation', 'private', '--'];
const canAttach = process.getuid?.() === 0 && spawnSync('unshare', [...ALONE, 'losetup', '--find']).status === 0;
it.skipIf(!canAttach)('those of drivers that have ended are detached, and none of others (root, losetup)', async () => {
  const other = mkdtempSync(join(tmpdir(), 'kubus-other-'));
  for (const name of ['lower', 'upper', 'work', 'merged', 'data', 'bound']) mkdirSync(join(folder, name));
  const { stdout, stderr } = spawnSync('unshare', [...ALONE, 'sh', '-c', ATTACH, 'sh', folder, other], {
    encoding: 'utf8',
  });
  const devices = stdout.trim().split('\n');
  const isAttached = (device: string): boolean => spawnSync('losetup', [device]).status === 0;
  try {
    expect([stderr, devices.map(isAttached)]).toEqual(['', [true, true, true]]);
    await detachLoops(folder, real);
    expect(devices.map(isAttached)).toEqual([false, false, true]);
  } finally {
    for (const device of devices.filter(isAttached)) spawnSync('losetup', ['--detach', device]);
    rmSync(other, { recursive: true });
  }
});
