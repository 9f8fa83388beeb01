import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mapDevice, removeLink, tellMapped, unmapDevice, type DevicePlace } from './block-device.ts';
import { deviceFigures } from './figures.ts';
import { deviceLink } from './layout.ts';
import { nameOf, type Mounted, type PodVolume, type VolumeHost } from './plugin.ts';

const NAME = 'kubernetes.io/local-volume';
const placeOf = (name: string, uid: string, { plugins, pods }: VolumeHost): DevicePlace => ({
  uid,
  shared: join(plugins, NAME.replace('/', '~'), 'volumeDevices', name),
  link: deviceLink(pods, uid, NAME, name),
});
/** A device of the node that is a persistent volume, for a pod. Rejects: VolumeError. Source: pkg/volume/local localVolumeMapper. */
export async function mapLocalDevice(volume: PodVolume, path: string, host: VolumeHost, signal: AbortSignal): Promise<Mounted> {
  const place = placeOf(nameOf(volume), volume.pod.metadata.uid!, host);
  const isNew = !host.held.has(join(place.shared, place.uid));
  await mapDevice(host, path, place, signal);
  if (isNew) tellMapped(host, volume, place);
  return { path: place.link, readOnly: volume.readOnly, isBlock: true, count: () => deviceFigures(join(place.shared, place.uid)) };
} // prettier-ignore
/** The device itself stays as it is. Rejects while it is busy. */
export async function takeLocalDeviceOff(name: string, uid: string, host: VolumeHost): Promise<void> {
  const place = placeOf(name, uid, host);
  await unmapDevice(host, place);
  await removeLink(place.link);
  // With the last pod that had it.
  await rmdir(place.shared).catch(() => undefined);
}
