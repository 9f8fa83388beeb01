import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { CommandError, type CommandResult, type Commands } from '../host/commands.ts';
import { formatAndMount } from './format.ts';
import { fakeMounts, type FakeMounts } from './testing/bench.ts';

const never = new AbortController().signal;
/** A program's exit status and output; undefined: there is none of that name. */
type Answers = Readonly<Record<string, readonly [code: number, output?: string] | undefined>>;

let folder: string;
let device: string;
let calls: string[];
let mounts: FakeMounts;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kbd-format-'));
  device = join(folder, 'disk');
  await writeFile(device, 'x');
  [calls, mounts] = [[], fakeMounts()];
});
afterEach(() => rm(folder, { recursive: true }));
function machine(answers: Answers): Commands {
  const run = (program: string, args: readonly string[]): Promise<CommandResult> => {
    calls.push([program, ...args.map((arg) => (arg === device ? 'DISK' : arg))].join(' '));
    const answer = answers[program];
    if (answer === undefined) return Promise.reject(new CommandError(`${program}: spawn`, undefined, { cause: Object.assign(new Error('spawn'), { code: 'ENOENT' }) })); // prettier-ignore
    return Promise.resolve({ code: answer[0], stdout: answer[1] ?? '', stderr: '' });
  };
  return { run, must: () => Promise.reject(new Error('not used')) };
}
const mount = (answers: Answers, options: readonly string[] = [], type = 'ext4'): Promise<void> =>
  formatAndMount({ commands: machine(answers), mounts, world: testWorld() }, device, '/m', { type, options, signal: never }); // prettier-ignore
const LOOK = 'blkid -p -s TYPE -s PTTYPE -o export DISK';
const EMPTY = [2] as const;

it.each<[type: string, program: string]>([
  ['ext4', 'mkfs.ext4 -F -m0 DISK'],
  ['', 'mkfs.ext4 -F -m0 DISK'],
  ['ext3', 'mkfs.ext3 -F -m0 DISK'],
  ['xfs', 'mkfs.xfs -f DISK'],
  ['btrfs', 'mkfs.btrfs DISK'],
])('an empty disk is formatted as it is to be (%j), then mounted', async (type, program) => {
  await mount({ blkid: EMPTY, [program.split(' ')[0]!]: [0] }, ['noatime'], type);
  expect(calls).toEqual([LOOK, program]);
  expect(mounts.all).toEqual([{ path: '/m', type: type || 'ext4', source: device, root: '/' }]);
  expect(mounts.options.get('/m')).toEqual(['noatime', 'defaults']);
});
it.each<[string, Answers, string[]]>([
  ['of the kind', { blkid: [0, 'DEVNAME=/dev/x\nTYPE=ext4\n'], fsck: [0] }, [LOOK, 'fsck -a DISK']],
  ['of another kind', { blkid: [0, 'TYPE=crypto_LUKS\n'], fsck: [8] }, [LOOK, 'fsck -a DISK']],
  ['that is divided', { blkid: [0, 'PTTYPE=gpt\n'], fsck: [8] }, [LOOK, 'fsck -a DISK']],
  ['that was repaired', { blkid: [0, 'TYPE=ext4\n'], fsck: [1] }, [LOOK, 'fsck -a DISK']],
  ['where nobody can check', { blkid: [0, 'TYPE=ext4\n'] }, [LOOK, 'fsck -a DISK']],
])('a disk %s is checked and mounted, never formatted', async (_, answers, done) => {
  await mount(answers);
  expect([calls, mounts.all.length]).toEqual([done, 1]);
});
it('a disk that is only read is neither checked nor formatted', async () => {
  await mount({ blkid: [0, 'TYPE=ext4\n'] }, ['ro']);
  expect([calls, mounts.options.get('/m')]).toEqual([[LOOK], ['ro', 'defaults']]);
  calls = [];
  await expect(mount({ blkid: EMPTY }, ['ro'])).rejects.toThrow(`cannot mount unformatted disk ${device} as we are manipulating it in read-only mode`); // prettier-ignore
  expect(calls).toEqual([LOOK]);
});
it.each<[string, Answers, string]>([
  ['is ambiguous', { blkid: [8] }, 'failed to get disk format of disk DISK: exit status 8'],
  ['cannot be asked for', {}, 'failed to get disk format of disk DISK: executable file not found in $PATH'],
  ['makes no sense', { blkid: [0, 'TYPE'] }, 'failed to get disk format of disk DISK: blkid returns invalid output: TYPE'], // prettier-ignore
  ['has errors that stay', { blkid: [0, 'TYPE=ext4\n'], fsck: [4, 'bad block'] }, "'fsck' found errors on device DISK but could not correct them: bad block"],
  ['is not made', { blkid: EMPTY, 'mkfs.ext4': [1, 'too small'] }, 'format of disk "DISK" failed: type:("ext4") target:("/m") options:("defaults") errcode:(exit status 1) output:(too small) '],
  ['nobody can make', { blkid: EMPTY }, 'format of disk "DISK" failed: type:("ext4") target:("/m") options:("defaults") errcode:(executable file not found in $PATH) output:() '],
])('what %s is said, and nothing is mounted', async (_, answers, why) => {
  await expect(mount(answers)).rejects.toThrow(why.replaceAll('DISK', device));
  expect(mounts.all).toEqual([]);
}); // prettier-ignore
it('what cannot be read is not empty, whatever is found on it', async () => {
  await rm(device);
  await expect(mount({ blkid: EMPTY, 'mkfs.ext4': [0] })).rejects.toThrow('errcode:(no such file or directory)');
  expect(calls).toEqual([LOOK]);
});
