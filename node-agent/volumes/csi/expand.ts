import type { PersistentVolumeClaim, SecretReference } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import { persistentVolumeClaims } from '../../../actors/runtime/resources.ts';
import { nameOf, VolumeError, type PodVolume, type VolumeHost } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { CAN, NODE } from './protocol.ts';
import { capability, type Source, type Strings } from './source.ts';

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
  readonly path: string;
}

/**
 * Has the driver make the file system as large as the volume has become, and says so in the claim. Rejects: VolumeError.
 * Source: pkg/volume/util/operationexecutor node_expander.go.
 */
export async function expandIfPending(volume: PodVolume, source: Source, driver: CsiDriver, { staging, path }: Place, host: VolumeHost, credentials: (ref: SecretReference) => Promise<Strings>, signal: AbortSignal): Promise<void> {
  const to = volume.persistent?.spec?.claimRef;
  if (!driver.can(CAN.expand) || to?.name === undefined) return;
  try {
    const claim = await host.client.get<PersistentVolumeClaim>(persistentVolumeClaims, to.name, to.namespace, { signal });
    const size = volume.persistent!.spec!.capacity?.['storage'];
    if (size === undefined || !PENDING.includes(claim.status?.allocatedResourceStatuses?.['storage'])) return;
    await write(host, claim, { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } }, signal);
    const secretRef = volume.persistent!.spec!.csi!.nodeExpandSecretRef;
    await driver.call(NODE.expand, {
      volumeId: source.handle, volumePath: host.csi.seenAs(path), stagingTargetPath: staging === '' ? '' : host.csi.seenAs(staging),
      capacityRange: { requiredBytes: quantityValue(size) }, volumeCapability: capability(source, driver, volume.pod),
      secrets: secretRef === undefined ? {} : await credentials(secretRef),
    });
    const message = `MountVolume.NodeExpandVolume succeeded for volume ${goQuote(nameOf(volume))} ${host.nodeName}`;
    for (const object of [volume.pod, claim]) host.recorder.event(object, 'Normal', 'FileSystemResizeSuccessful', message);
    const conditions = claim.status?.conditions?.filter(({ type }) => !OF_RESIZING.includes(type)) ?? [];
    await write(host, claim, { capacity: { storage: size }, allocatedResourceStatuses: { storage: null }, conditions }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new VolumeError('MountVolume.Setup failed while expanding volume', (error as Error).message, { cause: error });
  }
} // prettier-ignore
const write = (host: VolumeHost, { metadata }: PersistentVolumeClaim, status: object, signal: AbortSignal): Promise<unknown> =>
  host.client.patch(persistentVolumeClaims, metadata.name!, metadata.namespace, 'merge', { status }, { subresource: 'status', signal }); // prettier-ignore
