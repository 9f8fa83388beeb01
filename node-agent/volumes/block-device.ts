import { lstat, mkdir, open, readlink, realpath, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { mountedOn, type MountPoint } from './mounts.ts';
import { nameOf, VolumeError, type PodVolume, type VolumeHost } from './plugin.ts';

/** Where a device is that is a pod's volume. Source: pkg/volume GetGlobalMapPath, GetPodDeviceMapPath. */
export interface DevicePlace {
  readonly uid: string;
  /** Folder in which each pod that has it has it bound, by its uid. */
  readonly shared: string;
  /** Of the pod: leads to the device, and is what containers are given. */
  readonly link: string;
}
/**
 * Makes a device the pod's: bound, held open, so that no other comes by its name, and linked. Done already, it changes
 * nothing. Resolves with the device, links resolved. Rejects: VolumeError. The real kubelet holds it by a loop device, of which
 * a machine has few; an open file does as long as the kubelet runs, and the next one opens it again.
 * Source: operationexecutor GenerateMapVolumeFunc, pkg/volume/util MapBlockVolume.
 */
export async function mapDevice(host: VolumeHost, path: string, { uid, shared, link }: DevicePlace, signal: AbortSignal): Promise<string> {
  const device = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? `lstat ${path}: no such file or directory` : error.message;
    throw new VolumeError('MapVolume.EvalHostSymlinks failed', why, { cause: error });
  });
  const step = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      throw new VolumeError('MapVolume.MapBlockVolume failed', `${what}: ${(error as Error).message}`, { cause: error });
    }
  };
  const bound = join(shared, uid);
  await step(`blkUtil.MapDevice failed. devicePath: ${device}, globalMapPath:${shared}, podUID: ${uid}, bindMount: true`, async () => {
    await mkdir(shared, { recursive: true, mode: 0o750 });
    if (isBound(await host.mounts.list(), { uid, shared, link })) return;
    await writeFile(bound, '', { flag: 'a', mode: 0o640 });
    await host.mounts.bind(device, bound, { signal });
  });
  await step(`blkUtil.MapDevice failed. devicePath: ${device}, podVolumeMapPath:${dirname(link)}, volumeMapName: ${basename(link)}, bindMount: false`, () => linkTo(device, link));
  await step(`blkUtil.AttachFileDevice failed. globalMapPath:${shared}, podUID: ${uid}`, async () => {
    if (!host.held.has(bound)) host.held.set(bound, await open(bound, 'r'));
  });
  return device;
} // prettier-ignore
/** Whatever the link led to before the node was started anew. */
export async function linkTo(device: string, link: string): Promise<void> {
  if ((await readlink(link).catch(() => undefined)) === device) return;
  await mkdir(dirname(link), { recursive: true, mode: 0o750 });
  await rm(link, { force: true });
  await symlink(device, link);
}
export function tellMapped({ recorder }: VolumeHost, volume: PodVolume, { shared, link }: DevicePlace): void {
  const tell = (what: string, path: string): void =>
    recorder.event(volume.pod, 'Normal', 'SuccessfulMountVolume', `MapVolume.MapPodDevice succeeded for volume ${goQuote(nameOf(volume))} ${what} ${goQuote(path)}`); // prettier-ignore
  tell('globalMapPath', shared);
  tell('volumeMapPath', dirname(link));
}
/** It is the pod's no more; the link stays, as long as somebody has to know that it was. Rejects while it is busy. */
export async function unmapDevice(host: Pick<VolumeHost, 'held' | 'mounts'>, { uid, shared }: DevicePlace): Promise<void> {
  const bound = join(shared, uid);
  const open = host.held.get(bound);
  host.held.delete(bound);
  await open?.close();
  while (mountedOn(await host.mounts.list(), bound) !== undefined) await host.mounts.unmount(bound);
  await rm(bound, { force: true });
} // prettier-ignore
export const isBound = (mounts: readonly MountPoint[], { uid, shared }: DevicePlace): boolean =>
  mountedOn(mounts, join(shared, uid)) !== undefined;
export const isLinked = (link: string): Promise<boolean> => lstat(link).then(() => true, () => false); // prettier-ignore
export async function removeLink(link: string): Promise<void> {
  await rm(link, { force: true });
  for (const folder of [dirname(link), dirname(dirname(link))])
    await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
    });
}
