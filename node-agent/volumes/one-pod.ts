import { lstat, readdir } from 'node:fs/promises';
import { readVolumeData } from './csi/volume-data.ts';
import { deviceLink, volumeFolder } from './layout.ts';
import { isBlock, nameOf, VolumeError, type PodVolume, type VolumeHost } from './plugin.ts';

/**
 * Sets up a volume, unless one pod alone may have it and another of the node has it: as long as anything of it is left there,
 * whatever its kubelet knew. The scheduler sees to it too, but not for who names a node. Rejects: VolumeError.
 * Source: operationexecutor GenerateMountVolumeFunc, GenerateMapVolumeFunc; actual_state_of_world.go IsVolumeMountedElsewhere.
 */
export async function setUpAlone<T>(volume: PodVolume, host: VolumeHost, setUp: () => Promise<T>): Promise<T> {
  const spec = volume.persistent?.spec;
  // Of several modes nobody knows which one the pod means; of other kinds nobody knows whether two volumes are one.
  const isMeant = spec?.accessModes?.length === 1 && spec.accessModes[0] === 'ReadWriteOncePod';
  if (!isMeant || (spec.csi === undefined && spec.local === undefined)) return setUp();
  return host.csi.alone(`one pod/${spec.csi === undefined ? nameOf(volume) : `${spec.csi.driver}^${spec.csi.volumeHandle}`}`, async () => {
    if (!(await isElsewhere(volume, host))) return setUp();
    const step = isBlock(volume) ? 'MapVolume.SetUpDevice failed' : 'MountVolume.SetUp failed';
    throw new VolumeError(step, 'volume uses the ReadWriteOncePod access mode and is already in use by another pod');
  });
} // prettier-ignore
async function isElsewhere(volume: PodVolume, host: VolumeHost): Promise<boolean> {
  const uids = await readdir(host.pods).catch((): string[] => []);
  for (const uid of uids) if (uid !== volume.pod.metadata.uid && (await isOf(uid, volume, host))) return true;
  return false;
}
async function isOf(uid: string, volume: PodVolume, { pods }: VolumeHost): Promise<boolean> {
  const name = nameOf(volume);
  const csi = volume.persistent?.spec?.csi;
  const plugin = csi === undefined ? 'kubernetes.io/local-volume' : 'kubernetes.io/csi';
  if (isBlock(volume)) return isThere(deviceLink(pods, uid, plugin, name));
  if (csi === undefined) return isThere(volumeFolder(pods, uid, plugin, name));
  // One volume may have several names.
  for (const folder of await readdir(volumeFolder(pods, uid, plugin, '')).catch((): string[] => [])) {
    const data = await readVolumeData(volumeFolder(pods, uid, plugin, folder));
    if (data?.driverName === csi.driver && data.volumeHandle === csi.volumeHandle) return true;
  }
  return false;
}
const isThere = (path: string): Promise<boolean> => lstat(path).then(() => true, () => false); // prettier-ignore
