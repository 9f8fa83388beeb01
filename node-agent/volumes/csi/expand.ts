import type { PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import { persistentVolumeClaims } from '../../../actors/runtime/resources.ts';
import { nameOf, VolumeError, type PodVolume, type VolumeHost } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { credentials, fetching } from './objects.ts';
import { CAN, NODE } from './protocol.ts';
import { capability, type Source } from './source.ts';

/** How often a volume that pods have is looked at for whether it has grown, ms. Source: kubelet syncFrequency. */
export const LOOK_MS = 60_000;
const PENDING: readonly (string | undefined)[] = ['NodeResizePending', 'NodeResizeInProgress'];
/** Conditions that end with it. Source: pkg/volume/util resize_util.go knownResizeConditions. */
const OF_RESIZING: readonly string[] = [
  'FileSystemResizePending',
  'Resizing',
  'ControllerResizeError',
  'NodeResizeError',
];
interface Place {
  /** '' where the driver does not stage. */
  readonly staging: string;
  /** Where it is mounted, or the device. */
  readonly path: string;
}

/**
 * Has the driver make the file system as large as the volume has become, and says so in the claim. Rejects: VolumeError.
 * Source: pkg/volume/util/operationexecutor node_expander.go.
 */
export async function expandIfPending(volume: PodVolume, source: Source, driver: CsiDriver, { staging, path }: Place, host: VolumeHost, signal: AbortSignal): Promise<void> {
  const to = volume.persistent?.spec?.claimRef;
  if (!driver.can(CAN.expand) || to?.name === undefined) return;
  try {
    const claim = await host.client.get<PersistentVolumeClaim>(persistentVolumeClaims, to.name, to.namespace, { signal });
    const size = volume.persistent!.spec!.capacity?.['storage'];
    if (size === undefined || !PENDING.includes(claim.status?.allocatedResourceStatuses?.['storage'])) return;
    await write(host, claim, { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } }, signal);
    const secrets = await credentials(host, volume.persistent!.spec!.csi!.nodeExpandSecretRef, fetching('NodeExpandSecretRef'), signal);
    await driver.call(NODE.expand, {
      volumeId: source.handle, volumePath: path, stagingTargetPath: staging === '' ? '' : staging,
      capacityRange: { requiredBytes: quantityValue(size) }, volumeCapability: capability(source, driver, volume.pod),
      secrets,
    });
    const message = `MountVolume.NodeExpandVolume succeeded for volume ${goQuote(nameOf(volume))} ${host.nodeName}`;
    for (const object of [volume.pod, claim]) host.recorder.event(object, 'Normal', 'FileSystemResizeSuccessful', message);
    const conditions = claim.status?.conditions?.filter(({ type }) => !OF_RESIZING.includes(type)) ?? [];
    await write(host, claim, { capacity: { storage: size }, allocatedResourceStatuses: { storage: null }, conditions }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const step = source.isBlock ? 'MapVolume.MarkVolumeAsMounted' : 'MountVolume.Setup';
    throw new VolumeError(`${step} failed while expanding volume`, (error as Error).message, { cause: error });
  }
} // prettier-ignore
const write = (host: VolumeHost, { metadata }: PersistentVolumeClaim, status: object, signal: AbortSignal): Promise<unknown> =>
  host.client.patch(persistentVolumeClaims, metadata.name!, metadata.namespace, 'merge', { status }, { subresource: 'status', signal }); // prettier-ignore
