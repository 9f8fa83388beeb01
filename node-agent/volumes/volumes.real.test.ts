import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

const ALONE = ['--mount', '--propagation', 'private'];
/** Root, who may have mounts of its own: they end with the process that made them. */
const canMount = process.getuid?.() === 0 && spawnSync('unshare', [...ALONE, 'true']).status === 0;

describe.skipIf(!canMount)('volumes that are really mounted (root, unshare --mount)', () => {
  let told: Readonly<Record<string, unknown>>;
  beforeAll(async () => {
    const script = join(import.meta.dirname, 'testing', 'mounting.ts');
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', script];
    const { stdout } = await promisify(execFile)('unshare', [...ALONE, ...node], { timeout: 60_000 });
    told = JSON.parse(stdout) as typeof told;
  });
  it('in memory hold what was said and no more', () => {
    expect([told['tmpfs'], told['tooMuch'], told['memoryEnds']]).toEqual(['tmpfs', 'ENOSPC', [true, []]]);
  });
  it('show a path within them, once, and what it was when the container came', () => {
    expect([told['bound'], told['boundAgain'], told['swapped']]).toEqual(['1', true, ['f']]);
  });
  it('lead nowhere else: links out of them are refused, and nothing is made there', () => {
    const refused = 'failed to prepare subPath for volumeMount "v" of container "main"';
    const unmade = 'failed to create subPath directory for volumeMount "v" of container "main"';
    expect(told['escape']).toBe(refused);
    expect([told['out'], told['dangling'], told['madeOutside']]).toEqual([unmade, unmade, ['secret']]);
    expect(told['linkWithin']).toBe('inside');
    expect([told['withinEnds'], told['linksEnds']]).toEqual([
      [true, [], 'of the node'],
      [true, []],
    ]);
  });
  it('of folders are read-only where that is said', () => {
    expect([told['readOnly'], told['readerEnds']]).toEqual(['EROFS', [true, []]]);
  });
  it('that are busy are waited for, and what is in them stays', () => {
    expect(told['busy']).toEqual([true, 'kept']);
    expect(told['holderEnds']).toEqual([true, [], 'kept', true]);
  });
  it('that a killed kubelet left are taken away, and nothing of the node with them', () => {
    expect([told['orphanMounts'], told['orphanEnds']]).toEqual([3, [[], 'kept']]);
  });
  it('that are devices stay until nobody has them any more (losetup)', ({ skip }) => {
    if (told['device'] === undefined) skip('no loop devices here');
    expect(told['deviceSize']).toMatchObject({ capacityBytes: 1024 * 1024, usedBytes: 0 });
    expect([told['device'], told['deviceEnds']]).toEqual([
      [true, true, true],
      [true, [], false, []],
    ]);
  });
  it('that hold what a loop device is made of take it along (losetup)', ({ skip }) => {
    if (told['looped'] === undefined) skip('no loop devices here');
    expect(told['looped']).toEqual([true, true]);
  });
  it('that are devices to be formatted are, where nothing is on them, are mounted once and grow with their volume (losetup, mkfs.ext4)', ({ skip }) => {
    if (told['disk'] === undefined) skip('no loop devices here');
    expect([told['disk'], told['diskReadOnly'], told['diskShared']]).toEqual([
      ['ext4', 'ext4', 'written'],
      'EROFS',
      [true, 'ext4'],
    ]);
    expect([told['diskEnds'], told['diskAgain']]).toEqual([
      [[], []],
      ['written', true],
    ]);
    expect(told['diskGrown']).toBe(true);
    expect([told['diskKept'], told['diskLeft']]).toEqual(['swap', [true, []]]);
    expect(told['diskTaken']).toMatch(
      /^MountVolume.MountDevice failed for volume "pv" : local: failed to mount device DISK at .*\/mounts\/pv \(fstype: ext4\),$/,
    );
  }); // prettier-ignore
});
