import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mountedOn } from '../mounts.ts';
import type { VolumeHost } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { CAN, NODE } from './protocol.ts';
import { said } from './source.ts';
import { isUsed, readVolumeData, stagingFolder, volumeDataFile } from './volume-data.ts';

/**
 * Takes a volume off a pod by what its folder says, and off the node with the last pod that had it. Rejects while its driver
 * is not there, or refuses. Source: TearDownAt, UnmountDevice.
 */
export async function takeOff(folder: string, host: VolumeHost): Promise<void> {
  host.csi.published.delete(folder);
  const data = await readVolumeData(folder);
  if (data === undefined) return removeFolder(folder, host);
  const { driverName, volumeHandle } = data;
  await host.csi.alone(`${driverName}^${volumeHandle}`, async () => {
    let driver: CsiDriver;
    try {
      driver = host.csi.drivers.of(driverName);
    } catch (error) {
      throw new Error(said(`Unmounter.TearDownAt failed to get CSI client: ${(error as Error).message}`), {
        cause: error,
      });
    }
    await driver.call(NODE.unpublish, { volumeId: volumeHandle, targetPath: join(folder, 'mount') });
    await removeFolder(folder, host);
    if (await isUsed(host.pods, data)) return;
    const staging = stagingFolder(host.plugins, driverName, volumeHandle);
    if ((await readVolumeData(dirname(staging))) !== undefined && driver.can(CAN.stage))
      await driver.call(NODE.unstage, { volumeId: volumeHandle, stagingTargetPath: staging });
    await removeStaging(staging, host);
  });
}
/** Folders that are mounted still are not touched. Source: removeMountDir. */
export async function removeFolder(folder: string, { mounts }: VolumeHost): Promise<void> {
  const path = join(folder, 'mount');
  if (mountedOn(await mounts.list(), path) !== undefined) throw new Error(`${path} is still mounted`);
  await gone(path);
  await rm(volumeDataFile(folder), { force: true });
  await gone(folder);
}
/** Of a driver that has let it go. */
export async function removeStaging(path: string, { mounts }: VolumeHost): Promise<void> {
  if (mountedOn(await mounts.list(), path) !== undefined) throw new Error(`${path} is still mounted`);
  await gone(path);
  await rm(volumeDataFile(dirname(path)), { force: true });
  await gone(dirname(path));
}
async function gone(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
} // prettier-ignore
