import type { Stats } from 'node:fs';
import { lstat, mkdir, open, stat } from 'node:fs/promises';
import type { VolumePlugin } from '../plugin.ts';

/** A path of the node, as it is. Source: pkg/volume/hostpath. */
export const hostPath: VolumePlugin = {
  name: 'kubernetes.io/host-path',
  async setUp({ volume, persistent, readOnly }) {
    const { path, type = '' } = (persistent?.spec?.hostPath ?? volume.hostPath)!;
    if (path.split('/').includes('..')) throw new Error(`invalid HostPath \`${path}\`: must not contain '..'`);
    await checkType(path, type);
    return { path, readOnly, count: 'nothing' };
  },
};

interface Kind {
  readonly is: (stats: Stats) => boolean;
  readonly called: string;
  readonly make?: (path: string) => Promise<void>;
}
const FOLDER: Kind = { is: (stats) => stats.isDirectory(), called: 'a directory' };
const FILE: Kind = { is: (stats) => stats.isFile(), called: 'a file' };
const KINDS = new Map<string, Kind>([
  ['Directory', FOLDER],
  ['DirectoryOrCreate', { ...FOLDER, make: async (path) => void (await mkdir(path, { recursive: true, mode: 0o755 })) }],
  ['File', FILE],
  ['FileOrCreate', { ...FILE, make: async (path) => (await open(path, 'a', 0o644)).close() }],
  ['Socket', { is: (stats) => stats.isSocket(), called: 'a socket file' }],
  ['CharDevice', { is: (stats) => stats.isCharacterDevice(), called: 'a character device' }],
  ['BlockDevice', { is: (stats) => stats.isBlockDevice(), called: 'a block device' }],
]); // prettier-ignore

async function checkType(path: string, type: string): Promise<void> {
  if (type === '') return;
  const kind = KINDS.get(type);
  if (kind === undefined) throw new Error(`${type} is an invalid volume type`);
  const stats = await stat(path).catch(() => undefined);
  // A link that leads nowhere is there all the same: what it leads to is not made.
  if (stats === undefined && kind.make !== undefined && (await lstat(path).catch(() => undefined)) === undefined)
    return kind.make(path);
  if (stats === undefined || !kind.is(stats))
    throw new Error(`hostPath type check failed: ${path} is not ${kind.called}`);
}
