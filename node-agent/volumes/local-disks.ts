import { mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAndMount } from './format.ts';
import { volumeFolder } from './layout.ts';
import { mountedOn } from './mounts.ts';
import { nameOf, VolumeError, type PodVolume, type VolumeHost } from './plugin.ts';

const NAME = 'kubernetes.io/local-volume';
/** Source: pkg/volume/local defaultFSType. */
const DEFAULT_TYPE = 'ext4';
/** Where a device is mounted once for all pods of the node. Source: generateBlockDeviceBaseGlobalPath. */
const placeOf = ({ plugins }: Pick<VolumeHost, 'plugins'>, name: string): string => join(plugins, NAME, 'mounts', name);

/**
 * Mounts a device of the node that is a persistent volume with a file system. Done already, it changes nothing. Resolves with
 * the folder. Rejects: VolumeError. Source: pkg/volume/local mountLocalBlockDevice.
 */
export function mountLocalDisk(volume: PodVolume, device: string, host: VolumeHost, signal: AbortSignal): Promise<string> {
  const name = nameOf(volume);
  const path = placeOf(host, name);
  const type = volume.persistent!.spec!.local!.fsType ?? DEFAULT_TYPE;
  return host.csi.alone(`${NAME}/${name}`, async () => {
    if (mountedOn(await host.mounts.list(), path) !== undefined) return path;
    await mkdir(path, { recursive: true, mode: 0o750 });
    try {
      await formatAndMount(host, device, path, { type, options: mountOptions(volume, volume.readOnly ? ['ro'] : []), signal });
    } catch (error) {
      await rmdir(path).catch(() => undefined);
      signal.throwIfAborted();
      const why = `local: failed to mount device ${device} at ${path} (fstype: ${type}), error ${(error as Error).message}`;
      throw new VolumeError('MountVolume.MountDevice failed', why, { cause: error });
    }
    return path;
  });
} // prettier-ignore
/** Takes it off the node with the last pod that had it; what is no device is not touched. Rejects while it is busy. Source: UnmountDevice. */
export async function takeLocalDiskOff(name: string, host: VolumeHost): Promise<void> {
  const path = placeOf(host, name);
  await host.csi.alone(`${NAME}/${name}`, async () => {
    // Who has a folder for it has it mounted, or is about to.
    for (const uid of await readdir(host.pods).catch((): string[] => []))
      if (await isThere(volumeFolder(host.pods, uid, NAME, name))) return;
    while (mountedOn(await host.mounts.list(), path) !== undefined) await host.mounts.unmount(path);
    await rmdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  });
}
const isThere = (folder: string): Promise<boolean> => readdir(folder).then(() => true, () => false); // prettier-ignore

/** What a persistent volume says of how it is mounted, with what has to be. Source: pkg/volume/util MountOptionFromSpec. */
export function mountOptions({ persistent }: Pick<PodVolume, 'persistent'>, needed: readonly string[]): readonly string[] {
  const annotated = persistent?.metadata.annotations?.['volume.beta.kubernetes.io/mount-options'];
  const said = annotated?.split(',') ?? persistent?.spec?.mountOptions ?? [];
  if (annotated === undefined && said.length === 0) return needed;
  return [...new Set([...said.filter((option) => option !== ''), ...needed])].toSorted();
} // prettier-ignore
