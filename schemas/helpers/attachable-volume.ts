import type { PersistentVolume } from '../generated/core-v1.ts';
import type { CSIDriver } from '../generated/storage-v1.ts';

const PREFIX = 'kubernetes.io/csi/';
const SEPARATOR = '^';
/** A volume that a CSI driver attaches to nodes before it is mounted there. */
export interface AttachableVolume {
  readonly driver: string;
  /** What the driver calls it. */
  readonly handle: string;
}
/** What nodes call an attached volume in their status. Source: pkg/volume/util GetUniqueVolumeNameFromSpec, csi GetVolumeName. */
export const uniqueNameOf = ({ driver, handle }: AttachableVolume): string => `${PREFIX}${driver}${SEPARATOR}${handle}`;
/** undefined: a volume of another sort. */
export function attachableOf(uniqueName: string): AttachableVolume | undefined {
  if (!uniqueName.startsWith(PREFIX)) return undefined;
  const [driver, handle, more] = uniqueName.slice(PREFIX.length).split(SEPARATOR);
  return driver && handle && more === undefined ? { driver, handle } : undefined;
}
/** undefined: nobody attaches it. A driver that says nothing of itself is believed to attach. Source: csi CanAttach. */
export function attachable(
  { spec }: PersistentVolume,
  driverOf: (name: string) => CSIDriver | undefined,
): AttachableVolume | undefined {
  if (spec?.csi === undefined) return undefined;
  const { driver, volumeHandle: handle } = spec.csi;
  return driverOf(driver)?.spec.attachRequired === false ? undefined : { driver, handle };
}
/** Whether several nodes may have the volume at once. Source: pkg/volume/util IsMultiAttachAllowed. */
export function isShareable({ spec }: PersistentVolume): boolean {
  const modes = spec?.accessModes ?? [];
  return modes.length === 0 || modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany');
}
