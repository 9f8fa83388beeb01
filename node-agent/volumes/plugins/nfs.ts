import { mkdir, rmdir } from 'node:fs/promises';
import { serverFigures } from '../figures.ts';
import { mountedOn } from '../mounts.ts';
import type { Mounted, VolumePlugin } from '../plugin.ts';
import { folderOf } from './folder.ts';

const NAME = 'kubernetes.io/nfs';

/** A folder of a file server, where the node has the program that mounts it (`mount.nfs`). Source: pkg/volume/nfs. */
export const nfs: VolumePlugin = {
  name: NAME,
  async setUp(volume, host, signal) {
    const { server, path, readOnly: own = false } = (volume.persistent?.spec?.nfs ?? volume.volume.nfs)!;
    const readOnly = own || volume.readOnly;
    const folder = folderOf(volume, host, NAME);
    const mounted: Mounted = { path: folder, readOnly, count: () => serverFigures(host.commands, folder) };
    if (mountedOn(await host.mounts.list(), folder) !== undefined) return mounted;
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const options = [...(readOnly ? ['ro'] : []), ...(volume.persistent?.spec?.mountOptions ?? [])];
    // An address of six is told from the path by brackets.
    const source = `${server.includes(':') ? `[${server}]` : server}:${path}`;
    try {
      await host.mounts.fileSystem('nfs', source, folder, options, signal);
    } catch (error) {
      await rmdir(folder).catch(() => undefined);
      throw error;
    }
    return mounted;
  },
};
