import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { PROVISIONED_BY } from '../../../schemas/helpers/local-volumes.ts';
import { driverOfPlugin } from '../../../schemas/helpers/volume-plugins.ts';
import type { ObjectMeta } from '../../../schemas/meta/object.ts';

export const PROVISIONER = 'volume.kubernetes.io/storage-provisioner';
export const BETA_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
export const MIGRATED_TO = 'pv.kubernetes.io/migrated-to';
/** Of volumes that this controller itself has to delete. */
export const OWN_FINALIZER = 'kubernetes.io/pv-controller';
const EXTERNAL_FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';

/** The annotations with the driver that has replaced the provisioner's plugin; undefined: they say so. Source: updateMigrationAnnotations. */
export function withDriver(
  annotations: Readonly<Record<string, string>>,
  provisioner: string | undefined,
): Record<string, string> | undefined {
  if (provisioner === undefined) return undefined;
  const driver = driverOfPlugin(provisioner);
  const { [MIGRATED_TO]: told, ...others } = annotations;
  if (driver === undefined) return told ? others : undefined;
  return told === driver ? undefined : { ...others, [MIGRATED_TO]: driver };
}
/** The claim with what its provisioner's annotations lack; undefined: nothing. */
export function migratedClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
  const { annotations = {} } = claim.metadata;
  const changed = withDriver(annotations, annotations[PROVISIONER] ?? annotations[BETA_PROVISIONER]);
  return changed && { ...claim, metadata: { ...claim.metadata, annotations: changed } };
}
/** The same for volumes, whose finalizers say who deletes what they stand for. Source: modifyDeletionFinalizers. */
export function migratedVolume(volume: PersistentVolume): PersistentVolume | undefined {
  const { annotations = {}, finalizers = [] } = volume.metadata;
  const provisioner = annotations[PROVISIONED_BY];
  if (provisioner === undefined) return undefined;
  const changed = withDriver(annotations, provisioner);
  const kept = finalizersOf(finalizers, provisioner, volume.spec?.persistentVolumeReclaimPolicy);
  if (changed === undefined && kept === undefined) return undefined;
  const metadata: ObjectMeta = { ...volume.metadata, ...(changed && { annotations: changed }) };
  if (kept !== undefined) metadata.finalizers = kept;
  return { ...volume, metadata };
}
function finalizersOf(present: readonly string[], provisioner: string, reclaim: string | undefined): string[] | undefined {
  const isOwn = driverOfPlugin(provisioner) === undefined && provisioner.startsWith('kubernetes.io/');
  if (!isOwn && driverOfPlugin(provisioner) === undefined) return undefined;
  const kept = present.filter((name) => name !== OWN_FINALIZER && !(isOwn && name === EXTERNAL_FINALIZER));
  const wants = isOwn && reclaim === 'Delete';
  if (wants) kept.push(OWN_FINALIZER);
  return kept.length === present.length && wants === present.includes(OWN_FINALIZER) ? undefined : kept;
} // prettier-ignore
