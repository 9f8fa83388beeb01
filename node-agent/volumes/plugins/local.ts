import { mkdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOwnFolder } from '../../../schemas/helpers/local-volumes.ts';
import { growWithVolume, isSized, LOOK_MS } from '../expansion.ts';
import { mapLocalDevice, takeLocalDeviceOff } from '../local-devices.ts';
import { mountLocalDisk, mountOptions } from '../local-disks.ts';
import { makeOwnFolder } from '../local-folders.ts';
import { mountedOn } from '../mounts.ts';
import { isBlock, nameOf, VolumeError, type Mounted, type VolumePlugin } from '../plugin.ts';
import { resizeFileSystem } from '../resize.ts';
import { removeVolumeFolder } from '../tear-down.ts';
import { folderOf, giveToPod } from './folder.ts';

const NAME = 'kubernetes.io/local-volume';

/** A folder of the node that is a persistent volume, or the file system of a device, bound into the pod's. Source: pkg/volume/local. */
export const local: VolumePlugin = {
  name: NAME,
  async setUp(volume, host, signal): Promise<Mounted> {
    const { path: said } = volume.persistent!.spec!.local!;
    const path = isOwnFolder(volume.persistent!) ? join(host.localVolumes, volume.persistent!.metadata.name!) : said;
    if (path === '') throw new Error('local volume source is nil or local path is not set');
    if (path.split('/').includes('..')) throw new Error(`invalid path: ${path} must not contain '..'`);
    if (isOwnFolder(volume.persistent!)) await makeOwnFolder(host.localVolumes, volume.persistent!.metadata.name!);
    const what = await kindOf(path).catch((error: Error) => {
      if (isBlock(volume)) throw error;
      throw new VolumeError('MountVolume.NewMounter initialization failed', error.message, { cause: error });
    });
    if (isBlock(volume)) {
      if (what !== 'device')
        throw new VolumeError('MapVolume.MapBlockVolume failed', `local volume path ${path} is not a block device`);
      const mapped = await mapLocalDevice(volume, path, host, signal);
      // The device is what it is.
      await growWithVolume(volume, () => Promise.resolve(), host, signal);
      return { ...mapped, refreshAt: host.world.clock.now() + LOOK_MS };
    }
    const folder = folderOf(volume, host, NAME);
    await mkdir(join(folder, '..'), { recursive: true, mode: 0o750 });
    // By this a kubelet after this one knows that there is something to take off.
    await mkdir(folder, { recursive: true, mode: 0o750 });
    if (mountedOn(await host.mounts.list(), folder) === undefined)
      try {
        const source = what === 'device' ? await mountLocalDisk(volume, path, host, signal) : path;
        const { readOnly } = volume;
        await host.mounts.bind(source, folder, { readOnly, options: mountOptions(volume, []), signal });
      } catch (error) {
        // Never more than the folder itself: if it is mounted after all, what is in it is not the pod's.
        await rmdir(folder).catch(() => undefined);
        throw error;
      }
    // Who looks again for whether it has grown changes nobody's files.
    if (!volume.readOnly && !isSized(volume, host))
      await giveToPod(folder, volume, { readOnly: false, honoursPolicy: true, signal });
    const grow = (): Promise<void> =>
      what === 'device' ? resizeFileSystem(host.commands, path, folder, signal) : Promise.resolve();
    await growWithVolume(volume, grow, host, signal);
    return {
      path: folder,
      readOnly: volume.readOnly,
      count: 'fileSystem',
      refreshAt: host.world.clock.now() + LOOK_MS,
    };
  },
  async tearDown(volume, host) {
    if (isBlock(volume)) return takeLocalDeviceOff(nameOf(volume), volume.pod.metadata.uid!, host);
    await removeVolumeFolder(host, folderOf(volume, host, NAME));
  },
};
async function kindOf(path: string): Promise<'folder' | 'device'> {
  let stats;
  try {
    stats = await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(`path ${JSON.stringify(path)} does not exist`, { cause: error });
  }
  if (stats.isDirectory()) return 'folder';
  if (stats.isBlockDevice()) return 'device';
  throw new Error('only directory and block device are supported');
}
