import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { grpcCode } from '../../grpc/client.ts';
import {
  isBound,
  isLinked,
  linkTo,
  mapDevice,
  removeLink,
  tellMapped,
  unmapDevice,
  type DevicePlace,
} from '../block-device.ts';
import { deviceLink } from '../layout.ts';
import { mountsWithin } from '../mounts.ts';
import { nameOf, VolumeError, type Mounted, type PodVolume, type VolumeHost } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { LOOK_MS } from '../expansion.ts';
import { expandWithVolume } from './expand.ts';
import { credentials, driverObject, publishContext } from './objects.ts';
import { CAN, NODE } from './protocol.ts';
import { capability, podInfo, said, UNCERTAIN, type Source, type Strings } from './source.ts';
import { attachmentName, readVolumeData, saveVolumeData } from './volume-data.ts';

const PLUGIN = 'kubernetes.io/csi';
/** What is kept of a volume that is a device, by the name of its PersistentVolume. Source: pkg/volume/csi csi_block.go. */
interface Places {
  /** What is kept for its end, and the devices of pods. */
  readonly all: string;
  readonly data: string;
  readonly shared: string;
  /** A folder, for the driver to do with as it likes. */
  readonly staging: string;
  /** Folder in which the driver puts the device for each pod, by its uid. */
  readonly publish: string;
}
function placesOf({ plugins }: VolumeHost, name: string): Places {
  const folder = join(plugins, 'kubernetes.io', 'csi', 'volumeDevices');
  const all = join(folder, name);
  return { all, data: join(all, 'data'), shared: join(all, 'dev'), staging: join(folder, 'staging', name), publish: join(folder, 'publish', name) };
} // prettier-ignore
const placeOf = (host: VolumeHost, name: string, uid: string): DevicePlace => ({
  uid,
  shared: placesOf(host, name).shared,
  link: deviceLink(host.pods, uid, PLUGIN, name),
});
/** The device as a pod has it. */
export const deviceOf = (volume: PodVolume, host: VolumeHost): string =>
  join(placesOf(host, nameOf(volume)).shared, volume.pod.metadata.uid!);
const failed =
  (step: string) =>
  (why: string, cause?: unknown): VolumeError =>
    new VolumeError(`MapVolume.${step} failed`, why, { cause });

/** Has the driver hand over a device. Rejects: VolumeError. Source: csi_block.go SetUpDevice, MapPodDevice. */
export async function setUpDevice(volume: PodVolume, source: Source, host: VolumeHost, signal: AbortSignal): Promise<Mounted> {
  const name = nameOf(volume);
  const uid = volume.pod.metadata.uid!;
  const places = placesOf(host, name);
  const place = placeOf(host, name, uid);
  await mkdir(places.data, { recursive: true, mode: 0o750 });
  await saveVolumeData(places.data, {
    specVolID: name,
    volumeHandle: source.handle,
    driverName: source.driver,
    nodeName: host.nodeName,
    attachmentID: attachmentName(source.handle, source.driver, host.nodeName),
  });
  const isNew = !host.csi.published.has(place.link);
  if (isNew) {
    await stage(volume, source, places, host, signal);
    await publish(volume, source, places, place, host, signal);
  }
  const device = await mapDevice(host, join(places.publish, uid), place, signal);
  if (isNew) tellMapped(host, volume, place);
  host.csi.published.add(place.link);
  const driver = host.csi.drivers.of(source.driver);
  await expandWithVolume(volume, source, { staging: places.staging, path: device }, host, signal);
  const refreshAt = driver.can(CAN.expand) ? host.world.clock.now() + LOOK_MS : undefined;
  return { path: place.link, readOnly: volume.readOnly, isBlock: true, refreshAt };
} // prettier-ignore

function driverFor(host: VolumeHost, driver: string, step: string): CsiDriver {
  try {
    return host.csi.drivers.of(driver);
  } catch (error) {
    throw new Error(said(`blockMapper.${step} failed to get CSI client: ${(error as Error).message}`), {
      cause: error,
    });
  }
}
async function contextOf(source: Source, host: VolumeHost, step: string, signal: AbortSignal): Promise<Strings> {
  const object = await driverObject(host, source.driver, signal);
  try {
    return await publishContext(source, object, host, signal);
  } catch (error) {
    signal.throwIfAborted();
    const id = attachmentName(source.handle, source.driver, host.nodeName);
    throw new Error(said(`blockMapper.${step} failed to get volume attachment [id=${id}]: ${(error as Error).message}`), { cause: error }); // prettier-ignore
  }
}
async function stage(volume: PodVolume, source: Source, places: Places, host: VolumeHost, signal: AbortSignal): Promise<void> {
  try {
    const context = await contextOf(source, host, 'SetupDevice', signal);
    const driver = driverFor(host, source.driver, 'SetUpDevice');
    if (!driver.can(CAN.stage)) return;
    const secrets = await credentials(host, source.stageSecret, (ref, why) => said(`failed to get NodeStageSecretRef ${ref}: ${why}`), signal);
    await mkdir(places.staging, { recursive: true, mode: 0o750 });
    signal.throwIfAborted();
    await driver
      .call(NODE.stage, {
        volumeId: source.handle,
        publishContext: context,
        stagingTargetPath: places.staging,
        volumeCapability: capability(source, driver, volume.pod),
        secrets,
        volumeContext: source.attributes,
      })
      .catch(async (error: unknown) => {
        if (!UNCERTAIN.has(grpcCode(error)) && !(await isUsed(host, nameOf(volume)))) await cleanUp(places, host).catch(() => undefined);
        throw error;
      });
  } catch (error) {
    signal.throwIfAborted();
    throw failed('SetUpDevice')((error as Error).message, error);
  }
} // prettier-ignore
async function publish(volume: PodVolume, source: Source, places: Places, place: DevicePlace, host: VolumeHost, signal: AbortSignal): Promise<void> {
  try {
    const context = await contextOf(source, host, 'MapPodDevice', signal);
    const driver = driverFor(host, source.driver, 'MapPodDevice');
    const object = await driverObject(host, source.driver, signal);
    const secrets = await credentials(host, source.publishSecret, (ref, why) => said(`blockMapper.publishVolumeForBlock failed to get NodePublishSecretRef ${ref}: ${why}`), signal);
    await mkdir(places.publish, { recursive: true, mode: 0o750 });
    const targetPath = join(places.publish, place.uid);
    // By this a kubelet after this one knows that there is something to take off.
    await linkTo(targetPath, place.link);
    signal.throwIfAborted();
    await driver.call(NODE.publish, {
      volumeId: source.handle,
      publishContext: context,
      stagingTargetPath: places.staging,
      targetPath,
      volumeCapability: capability(source, driver, volume.pod),
      readonly: source.readOnly,
      secrets,
      volumeContext: { ...source.attributes, ...(object?.spec.podInfoOnMount === true && podInfo(volume.pod, source)) },
    });
  } catch (error) {
    // Where the driver says that it did nothing there is nothing to take off, and nobody is kept waiting by it.
    if (!UNCERTAIN.has(grpcCode(error)) && !isBound(await host.mounts.list(), place)) await removeLink(place.link).catch(() => undefined);
    signal.throwIfAborted();
    throw failed('MapPodDevice')((error as Error).message, error);
  }
} // prettier-ignore

/**
 * Takes a device off a pod, and off the node with the last pod that had it. Rejects while its driver is not there, or refuses.
 * Source: UnmapPodDevice, TearDownDevice.
 */
export async function takeDeviceOff(name: string, uid: string, host: VolumeHost): Promise<void> {
  const places = placesOf(host, name);
  const place = placeOf(host, name, uid);
  host.csi.published.delete(place.link);
  const data = await readVolumeData(places.data);
  if (data === undefined) {
    await unmapDevice(host, place);
    return removeLink(place.link);
  }
  const { driverName, volumeHandle } = data;
  await host.csi.alone(`${driverName}^${volumeHandle}`, async () => {
    await unmapDevice(host, place);
    const refused =
      (step: string) =>
      (error: Error): never => {
        throw new Error(said(`blockMapper.${step} failed: ${error.message}`), { cause: error });
      };
    if (await isLinked(place.link)) {
      await driverFor(host, driverName, 'UnmapPodDevice')
        .call(NODE.unpublish, { volumeId: volumeHandle, targetPath: join(places.publish, uid) })
        .catch(refused('unpublishVolumeForBlock'));
      await removeLink(place.link);
    }
    if (await isUsed(host, name)) return;
    if (await isThere(places.staging)) {
      const driver = driverFor(host, driverName, 'TearDownDevice');
      if (driver.can(CAN.stage))
        await driver
          .call(NODE.unstage, { volumeId: volumeHandle, stagingTargetPath: places.staging })
          .catch(refused('unstageVolumeForBlock'));
    }
    await cleanUp(places, host);
  });
}
const isThere = (folder: string): Promise<boolean> => readdir(folder).then(() => true, () => false); // prettier-ignore
/** Whether some pod of the node has it, or is about to. */
async function isUsed(host: VolumeHost, name: string): Promise<boolean> {
  if ((await readdir(placesOf(host, name).shared).catch(() => [])).length > 0) return true;
  for (const uid of await readdir(host.pods).catch(() => [])) {
    const link = deviceLink(host.pods, uid, PLUGIN, name);
    if ((await readdir(dirname(link)).catch((): string[] => [])).includes(name)) return true;
  }
  return false;
}
/** Of a driver that has let it go: what is mounted still is not touched. Source: cleanupOrphanDeviceFiles. */
async function cleanUp({ staging, publish, all }: Places, { mounts, world }: VolumeHost): Promise<void> {
  const mounted = await mounts.list();
  for (const folder of [staging, publish, all]) {
    const left = mountsWithin(mounted, folder)[0];
    if (left !== undefined) throw new Error(`${left.path} is still mounted`);
  }
  await rm(staging, { recursive: true, force: true });
  await rmdir(publish).catch((error: NodeJS.ErrnoException) => {
    // What its driver has left there is the driver's.
    if (error.code !== 'ENOENT') world.log.warn('folder of a device not removed', { folder: publish, err: error });
  });
  await rm(all, { recursive: true, force: true });
}
