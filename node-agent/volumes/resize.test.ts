import { expect, it } from 'vitest';
import type { CommandResult, Commands } from '../host/commands.ts';
import { CommandError } from '../host/commands.ts';
import { resizeFileSystem } from './resize.ts';

const signal = new AbortController().signal;
/** What `blkid` finds, and what else there is, with its exit status. */
function machine(found: readonly [code: number, output: string], program?: readonly [name: string, code: number, output: string]) {
  const said: string[] = [];
  const run = (name: string, args: readonly string[]): Promise<CommandResult> => {
    if (name === 'blkid') return Promise.resolve({ code: found[0], stdout: found[1], stderr: '' });
    said.push([name, ...args].join(' '));
    if (program?.[0] !== name) return Promise.reject(new CommandError(`${name}: spawn`, undefined, { cause: Object.assign(new Error('spawn'), { code: 'ENOENT' }) }));
    return Promise.resolve({ code: program[1], stdout: program[2], stderr: '' });
  };
  const commands: Commands = { run, must: () => Promise.reject(new Error('not used')) };
  return { said, resize: () => resizeFileSystem(commands, '/dev/x', '/m', signal) };
} // prettier-ignore

it.each([
  ['ext4', 'resize2fs /dev/x'],
  ['ext3', 'resize2fs /dev/x'],
  ['xfs', 'xfs_growfs -d /m'],
  ['btrfs', 'btrfs filesystem resize max /m'],
])('a file system of type %s grows by %s', async (type, command) => {
  const { said, resize } = machine([0, `TYPE=${type}\n`], [command.split(' ')[0]!, 0, '']);
  await resize();
  expect(said).toEqual([command]);
});
it('what is no file system stays as it is', async () => {
  const { said, resize } = machine([2, '']);
  await resize();
  expect(said).toEqual([]);
});
it.each<[string, ReturnType<typeof machine>, string]>([
  ['it fails', machine([0, 'TYPE=ext4\n'], ['resize2fs', 1, 'bad magic']), 'resize of device /dev/x failed: exit status 1. resize2fs output: bad magic'],
  ['there is no program', machine([0, 'TYPE=xfs\n']), 'resize of device /m failed: executable file not found in $PATH. xfs_growfs output: '],
  ['nobody knows how', machine([0, 'TYPE=vfat\n']), 'ResizeFS.Resize - resize of format vfat is not supported for device /dev/x mounted at /m'],
  ['it cannot be told', machine([8, '']), 'ResizeFS.Resize - error checking format for device /dev/x: exit status 8'],
])('where %s, that is said', async (_, { resize }, why) => expect(resize()).rejects.toThrow(why)); // prettier-ignore
