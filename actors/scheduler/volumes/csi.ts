import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  VolumeAttachment,
} from '../../../schemas/generated/storage-v1.ts';
import { claimClass, notForPod } from '../../../schemas/helpers/volume-binding.ts';

/** What is known of the drivers that make and attach volumes. */
export interface DriverView {
  csiNode(name: string): CSINode | undefined;
  csiDriver(name: string): CSIDriver | undefined;
  capacities(): Iterable<CSIStorageCapacity>;
  /** Of volumes to the node. */
  attachments(node: string): Iterable<VolumeAttachment>;
}
interface ClaimView {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): { readonly provisioner: string } | undefined;
}
/** Drivers by the unique names of their volumes. */
export type Attached = Map<string, string>;

/**
 * Kinds of volumes that were Kubernetes' own once: who provisioned them, and which driver has taken over. Of the last two
 * the scheduler does not know that. Source: csi-translation-lib, nodevolumelimits isCSIMigrationOn.
 */
const MIGRATED: readonly { readonly field: keyof Volume & keyof NonNullable<PersistentVolume['spec']>; readonly provisioner: string; readonly driver: string; readonly counted: boolean }[] = [
  { field: 'awsElasticBlockStore', provisioner: 'kubernetes.io/aws-ebs', driver: 'ebs.csi.aws.com', counted: true },
  { field: 'gcePersistentDisk', provisioner: 'kubernetes.io/gce-pd', driver: 'pd.csi.storage.gke.io', counted: true },
  { field: 'azureDisk', provisioner: 'kubernetes.io/azure-disk', driver: 'disk.csi.azure.com', counted: true },
  { field: 'cinder', provisioner: 'kubernetes.io/cinder', driver: 'cinder.csi.openstack.org', counted: true },
  { field: 'portworxVolume', provisioner: 'kubernetes.io/portworx-volume', driver: 'pxd.portworx.com', counted: true },
  { field: 'azureFile', provisioner: 'kubernetes.io/azure-file', driver: 'file.csi.azure.com', counted: false },
  { field: 'vsphereVolume', provisioner: 'kubernetes.io/vsphere-volume', driver: 'csi.vsphere.vmware.com', counted: false },
]; // prettier-ignore
const migratedKind = (source: object | undefined) => source && MIGRATED.find(({ field }) => (source as Record<string, unknown>)[field] !== undefined); // prettier-ignore
const migratedProvisioner = (name: string) => MIGRATED.find(({ provisioner }) => provisioner === name);
const HANDLES = ['volumeID', 'pdName', 'diskURI'];
function handleOf(source: object, field: string): string {
  const found = (source as Record<string, Record<string, string> | undefined>)[field] ?? {};
  const id = found[HANDLES.find((name) => found[name] !== undefined) ?? ''] ?? '';
  return id.slice(id.lastIndexOf('/') + 1);
}
/** Whether a volume may be one that a driver attaches. */
export const mayBeAttached = (volume: Volume): boolean =>
  volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined || migratedKind(volume) !== undefined;

/** The pod's volumes that drivers attach. A claim that is not there yet is left out. Source: CSILimits filterAttachableVolumes. */
export function attachedBy(pod: Pod, view: ClaimView, csiNode: CSINode | undefined, into: Attached = new Map()): Attached {
  for (const volume of pod.spec?.volumes ?? []) {
    const name = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${pod.metadata.name}-${volume.name}`);
    if (name === undefined) {
      const kind = csiNode && migratedKind(volume);
      if (kind?.counted) into.set(`${kind.driver}/${handleOf(volume, kind.field)}`, kind.driver);
      continue;
    }
    const claim = view.claim(pod.metadata.namespace ?? '', name);
    if (claim === undefined || (volume.ephemeral !== undefined && notForPod(claim, pod) !== undefined)) continue;
    const source = driverOf(claim, view, csiNode);
    if (source !== undefined) into.set(`${source.driver}/${source.handle}`, source.driver);
  }
  return into;
} // prettier-ignore
interface DriverVolume {
  readonly driver: string;
  readonly handle: string;
}
/** Of a claim's volume, or of the one that will be made for it. Source: CSILimits getCSIDriverInfo. */
function driverOf(claim: PersistentVolumeClaim, view: ClaimView, csiNode: CSINode | undefined): DriverVolume | undefined {
  const volume = claim.spec?.volumeName ? view.volume(claim.spec.volumeName) : undefined;
  if (volume === undefined) return driverToBe(claim, view, csiNode);
  const { csi } = volume.spec ?? {};
  if (csi !== undefined) return { driver: csi.driver, handle: csi.volumeHandle };
  const kind = csiNode && migratedKind(volume.spec);
  return kind?.counted ? { driver: kind.driver, handle: handleOf(volume.spec!, kind.field) } : undefined;
} // prettier-ignore
function driverToBe(claim: PersistentVolumeClaim, view: ClaimView, csiNode: CSINode | undefined): DriverVolume | undefined {
  const name = claimClass(claim);
  const provisioner = name === '' ? undefined : view.storageClass(name)?.provisioner;
  if (!provisioner) return undefined;
  // Its own, and no volume's: nothing that exists is called so.
  const handle = `${claim.metadata.uid}-${claim.metadata.namespace}/${claim.metadata.name}`;
  const kind = migratedProvisioner(provisioner);
  if (kind === undefined) return { driver: provisioner, handle };
  return csiNode !== undefined && kind.counted ? { driver: kind.driver, handle } : undefined;
} // prettier-ignore
