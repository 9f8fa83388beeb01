import { mkdir, rmdir } from 'node:fs/promises';
import { mountedOn } from '../mounts.ts';
import type { VolumePlugin } from '../plugin.ts';
import { removeVolumeFolder } from '../tear-down.ts';
import { folderOf } from './folder.ts';

const NAME = 'kubernetes.io/image';

/** The files of an image, read-only. Source: kubelet getImageVolumes, pkg/volume/image. */
export const image: VolumePlugin = {
  name: NAME,
  async setUp(volume, host, signal) {
    const folder = folderOf(volume, host, NAME);
    if (mountedOn(await host.mounts.list(), folder) !== undefined) return { path: folder, readOnly: true };
    const name = await host.images.ensure(volume.pod, volume.volume, signal);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    try {
      await host.images.mount(name, folder, signal);
    } catch (error) {
      await rmdir(folder).catch(() => undefined);
      throw error;
    }
    return { path: folder, readOnly: true };
  },
  async tearDown(volume, host) {
    const folder = folderOf(volume, host, NAME);
    if (mountedOn(await host.mounts.list(), folder) !== undefined) await host.images.unmount(folder);
    await removeVolumeFolder(host, folder);
  },
};
