import { readdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { anyLoops, detachLoops } from '../host/loop-devices.ts';
import { devicesFolder, podFolder, pluginsFolder, readyFolder, subPathsFolder, volumesFolder } from './layout.ts';
import { takeDeviceOff } from './csi/block.ts';
import { takeOff } from './csi/take-off.ts';
import { takeLocalDeviceOff } from './local-devices.ts';
import { takeLocalDiskOff } from './local-disks.ts';
import { mountsWithin } from './mounts.ts';
import type { VolumeHost } from './plugin.ts';

/** What is in these folders was made for the pod, and goes with it; what is in others is bound there. */
const OWNED = new Set(['empty-dir', 'configmap', 'secret', 'projected', 'downward-api', 'git-repo'].map((name) => `kubernetes.io~${name}`)); // prettier-ignore

type Place = Pick<VolumeHost, 'pods' | 'mounts'>;
/** Unmounts all that is mounted below a folder or on it, innermost first. Rejects while something is busy. */
export async function unmountWithin({ mounts }: Pick<Place, 'mounts'>, folder: string): Promise<void> {
  for (const { path } of mountsWithin(await mounts.list(), folder)) await mounts.unmount(path);
  // Only who finds nothing mounted may go on to remove files.
  const left = mountsWithin(await mounts.list(), folder);
  if (left.length > 0) throw new Error(`${left[0]!.path} is still mounted`);
}
/** Links of a pod's containers into one of its volumes. Source: pkg/volume/util/subpath CleanSubPaths. */
export async function cleanSubPaths(place: Place, uid: string, volume: string): Promise<void> {
  const folder = join(subPathsFolder(place.pods, uid), volume);
  await unmountWithin(place, folder);
  await rm(folder, { recursive: true, force: true });
  await removeEmpty(subPathsFolder(place.pods, uid), true);
}
/** Takes a volume's folder, `<pods>/<uid>/volumes/<plugin>/<name>`, off the node: never more than what was made for the pod. */
export async function removeVolumeFolder(place: VolumeHost, folder: string): Promise<void> {
  const plugin = basename(dirname(folder));
  if (plugin === 'kubernetes.io~csi') await takeOff(folder, place);
  if (plugin === 'kubernetes.io~image') await place.images.unmount(folder);
  await unmountWithin(place, folder);
  if (OWNED.has(plugin)) {
    // Nobody finds them once their files are gone.
    if (plugin === 'kubernetes.io~empty-dir' && (await anyLoops())) await detachLoops(folder, place.commands);
    await rm(folder, { recursive: true, force: true });
  } else await removeEmpty(folder);
  if (plugin === 'kubernetes.io~local-volume') await takeLocalDiskOff(basename(folder), place);
  await removeEmpty(dirname(folder), true);
  await removeEmpty(dirname(dirname(folder)), true);
}
export async function removeReady(pods: string, uid: string, plugin: string, name: string): Promise<void> {
  const ready = readyFolder(pods, uid, plugin, name);
  await rm(dirname(ready), { recursive: true, force: true });
  await removeEmpty(dirname(dirname(ready)), true);
  await removeEmpty(pluginsFolder(pods, uid), true);
}
/** A folder that is not there is as good as removed. Rejects: ENOTEMPTY, unless it may have others in it. */
async function removeEmpty(folder: string, mayHaveOthers = false): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && !(mayHaveOthers && code === 'ENOTEMPTY')) throw error;
  }
}
const namesIn = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
};
/** The volumes of a pod that are on the node, as their folders say it. */
export async function volumeFoldersOf(pods: string, uid: string): Promise<readonly string[]> {
  const folder = volumesFolder(pods, uid);
  return (await entriesOf(folder)).map(([plugin, name]) => join(folder, plugin, name));
}
/** What is in folders by plugin. */
async function entriesOf(folder: string): Promise<(readonly [plugin: string, name: string])[]> {
  const found: (readonly [string, string])[] = [];
  for (const plugin of await namesIn(folder))
    for (const name of await namesIn(join(folder, plugin))) found.push([plugin, name]);
  return found;
}
/** All volumes of a pod. Rejects while something is busy. */
export async function removePodVolumes(place: VolumeHost, uid: string): Promise<void> {
  const { pods } = place;
  // The links first: they keep volumes busy.
  await unmountWithin(place, subPathsFolder(pods, uid));
  await rm(subPathsFolder(pods, uid), { recursive: true, force: true });
  for (const folder of await volumeFoldersOf(pods, uid)) await removeVolumeFolder(place, folder);
  for (const [plugin, name] of await entriesOf(devicesFolder(pods, uid))) await (plugin === 'kubernetes.io~csi' ? takeDeviceOff : takeLocalDeviceOff)(name, uid, place);
  for (const folder of [devicesFolder(pods, uid), pluginsFolder(pods, uid)]) await rm(folder, { recursive: true, force: true });
} // prettier-ignore
/** Nothing of the pod is wanted any more: volumes, then what else is in its folder. Rejects while something is busy. */
export async function removePodFolder(place: VolumeHost, uid: string): Promise<void> {
  const { pods } = place;
  await removePodVolumes(place, uid);
  await unmountWithin(place, podFolder(pods, uid));
  // A volume that is still here is somebody's data.
  if ((await volumeFoldersOf(pods, uid)).length > 0) throw new Error(`volumes of pod ${uid} are still there`);
  await rm(podFolder(pods, uid), { recursive: true, force: true });
}
/** Uids of the pods that have a folder here. */
export const podsOnDisk = (pods: string): Promise<readonly string[]> => namesIn(pods);
