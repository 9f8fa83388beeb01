import type { Commands } from '../host/commands.ts';
import { formatOf, ran, shown } from './format.ts';

/**
 * Makes the file system of a device, which is mounted at `path`, as large as the device; what is none stays as it is.
 * Rejects with upstream's messages. Source: mount-utils resizefs_linux.go.
 */
export async function resizeFileSystem(commands: Commands, device: string, path: string, signal: AbortSignal): Promise<void> {
  const type = await formatOf(commands, device, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new Error(`ResizeFS.Resize - error checking format for device ${device}: ${shown(error)}`, { cause: error });
  });
  if (type === '') return;
  const how = WAYS[type];
  if (how === undefined) throw new Error(`ResizeFS.Resize - resize of format ${type} is not supported for device ${device} mounted at ${path}`);
  const [program, args, of] = how(device, path);
  const { code, output } = await ran(commands, program, args);
  if (code === 0) return;
  throw new Error(`resize of device ${of} failed: ${typeof code === 'string' ? code : `exit status ${code}`}. ${program} output: ${output}`);
} // prettier-ignore
type Way = (device: string, path: string) => readonly [program: string, args: readonly string[], of: string];
const ext: Way = (device) => ['resize2fs', [device], device];
const WAYS: Readonly<Record<string, Way>> = {
  ext3: ext,
  ext4: ext,
  xfs: (_, path) => ['xfs_growfs', ['-d', path], path],
  btrfs: (_, path) => ['btrfs', ['filesystem', 'resize', 'max', path], path],
};
