import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readyFolder } from '../layout.ts';
import { mountedOn } from '../mounts.ts';
import type { PodVolume, VolumeHost, VolumePlugin } from '../plugin.ts';
import { folderOf } from './folder.ts';

const NAME = 'kubernetes.io/image';

/** The files of an image, read-only. Source: kubelet getImageVolumes, pkg/volume/image. */
export const image: VolumePlugin = {
  name: NAME,
  async setUp(volume, host, signal) {
    const folder = folderOf(volume, host, NAME);
    if (mountedOn(await host.mounts.list(), folder) !== undefined) {
      host.images.adopt(await readFile(noteOf(volume, host), 'utf8').catch(() => ''), folder);
      return { path: folder, readOnly: true, count: 'nothing' };
    }
    const found = await host.images.ensure(volume.pod, volume.volume, signal);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    await mkdir(dirname(noteOf(volume, host)), { recursive: true, mode: 0o750 });
    await writeFile(noteOf(volume, host), found.id, { mode: 0o640 });
    try {
      await host.images.mount(found, folder, signal);
    } catch (error) {
      await rmdir(folder).catch(() => undefined);
      throw error;
    }
    return { path: folder, readOnly: true, count: 'nothing' };
  },
};
/** File that tells the next kubelet which image it is: its names may have gone to others. */
const noteOf = ({ pod, volume }: PodVolume, { pods }: VolumeHost): string =>
  join(dirname(readyFolder(pods, pod.metadata.uid!, NAME, volume.name)), 'image');
