import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { PROVISIONED_BY } from '../../../schemas/helpers/local-volumes.ts';
import { sameMode } from '../../../schemas/helpers/volume-binding.ts';
import { lacksByName, lacksBySpec } from '../../../schemas/helpers/volume-plugins.ts';
import type { Intent } from '../../runtime/intent.ts';
import { persistentVolumes } from '../../runtime/resources.ts';
import { unbound, volumePhase, type Update } from './binding.ts';
import { MIGRATED_TO, migratedVolume, OWN_FINALIZER } from './migration.ts';

export type VolumeVerdict =
  | {
      readonly intents: readonly Intent[];
      /** The claim is to be looked at. */
      readonly press?: boolean;
    }
  /** Its claim is gone: whatever its policy says. Made after the volume says that it is released. */
  | { readonly released: Update | undefined; readonly reclaim: true };

/**
 * What becomes of a volume. `claim`: the one that its claimRef means, by its uid, as the API knows it; undefined if there is
 * none any more. Pure. Source: pv_controller.go syncVolume.
 */
export function judgeVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeVerdict {
  const migrated = migratedVolume(volume);
  if (migrated !== undefined) return { intents: [{ op: 'update', gvr: persistentVolumes, object: migrated }] };
  const to = volume.spec?.claimRef;
  if (to === undefined || !to.uid) return { intents: phase(volume, 'Available') };
  if (claim === undefined) return release(volume);
  const name = claim.spec?.volumeName;
  if (!name) {
    if (sameMode(claim, volume)) return { intents: [], press: true };
    const { name: claimName } = claim.metadata;
    return {
      intents: [
        mismatch(volume, `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claimName}" due to incompatible volumeMode.`),
        mismatch(claim, `Cannot bind PersistentVolume "${volume.metadata.name}" to requested PersistentVolumeClaim due to incompatible volumeMode.`),
      ],
    }; // prettier-ignore
  }
  if (name === volume.metadata.name) return { intents: phase(volume, 'Bound') };
  const isMade = volume.metadata.annotations?.[PROVISIONED_BY] !== undefined;
  if (isMade && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return release(volume);
  // The next look makes it available.
  return { intents: [unbound(volume)] };
}
function release(volume: PersistentVolume): VolumeVerdict {
  const { phase: now } = volume.status ?? {};
  return {
    released: now === 'Released' || now === 'Failed' ? undefined : volumePhase(volume, 'Released'),
    reclaim: true,
  };
}
function phase(volume: PersistentVolume, wanted: 'Available' | 'Bound'): Intent[] {
  const write = volumePhase(volume, wanted);
  return write ? [write] : [];
}
const mismatch = (regarding: PersistentVolume | PersistentVolumeClaim, message: string): Intent => ({
  op: 'event',
  type: 'Warning',
  regarding,
  reason: 'VolumeMismatch',
  message,
});

/** What is done with a released volume; `recycle`: by a pod, see recycling.ts. */
export type Reclaim = { readonly intents: readonly Intent[] } | 'recycle';
/** Pure. Source: pv_controller.go reclaimVolume, deleteVolumeOperation. */
export function reclaim(volume: PersistentVolume): Reclaim {
  if (volume.metadata.annotations?.[MIGRATED_TO]) return { intents: [] };
  switch (volume.spec?.persistentVolumeReclaimPolicy) {
    case 'Retain':
      return { intents: [] };
    case 'Recycle':
      return lacksBySpec(volume.spec, 'recycle') === undefined
        ? 'recycle'
        : { intents: failed(volume, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!') };
    case 'Delete':
      return { intents: remove(volume) };
    default:
      return {
        intents: failed(volume, 'VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy'),
      };
  }
}
function remove(volume: PersistentVolume): Intent[] {
  const by = volume.metadata.annotations?.[PROVISIONED_BY];
  if (by) {
    const lacking = lacksByName(by, 'delete');
    // Somebody outside made it and will take it away.
    if (lacking !== undefined) return by.startsWith('kubernetes.io/') ? failed(volume, 'VolumeFailedDelete', lacking) : [];
  } else {
    if (volume.spec?.csi !== undefined) return [];
    const lacking = lacksBySpec(volume.spec!, 'delete');
    if (lacking !== undefined)
      return failed(volume, 'VolumeFailedDelete', `error getting deleter volume plugin for volume "${volume.metadata.name}": ${lacking}`);
  }
  const path = volume.spec?.hostPath?.path;
  if (path === undefined) return failed(volume, 'VolumeFailedDelete', `failed to create deleter for volume "${volume.metadata.name}": spec.PersistentVolumeSource.HostPath is nil`);
  if (!/\/tmp\/.+/.test(path))
    return failed(volume, 'VolumeFailedDelete', `host_path deleter only supports /tmp/.+ but received provided ${path}`);
  // Upstream takes away that folder of the machine where the controller happens to run. Here nodes have no such folders, and
  // that machine is somebody's.
  return gone(volume);
} // prettier-ignore
function gone(volume: PersistentVolume): Intent[] {
  const { name, uid, finalizers = [] } = volume.metadata;
  const free = { ...volume, metadata: { ...volume.metadata, finalizers: finalizers.filter((f) => f !== OWN_FINALIZER) } };
  const intents: Intent[] = finalizers.includes(OWN_FINALIZER) ? [{ op: 'update', gvr: persistentVolumes, object: free }] : [];
  if (volume.metadata.deletionTimestamp === undefined)
    intents.push({ op: 'delete', gvr: persistentVolumes, namespace: undefined, name: name!, uid });
  return intents;
} // prettier-ignore
/** Says once that nothing can be done. */
export function failed(volume: PersistentVolume, reason: string, message: string): Intent[] {
  const write = volumePhase(volume, 'Failed', message);
  return write ? [write, { op: 'event', type: 'Warning', regarding: volume, reason, message }] : [];
}
