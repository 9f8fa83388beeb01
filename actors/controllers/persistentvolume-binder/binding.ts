import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  hasAnnotation,
  sizeOf,
  volumeBoundTo,
  withAnnotations,
} from '../../../schemas/helpers/volume-binding.ts';
import { compareQuantities, parseQuantity } from '../../../schemas/meta/quantity.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Intent } from '../../runtime/intent.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../runtime/resources.ts';

/** What a volume is told to be before its file system has grown. */
const PRE_RESIZE = 'volume.alpha.kubernetes.io/pre-resize-capacity';

export type Update = Extract<Intent, { op: 'update' }>;
const updateVolume = (object: PersistentVolume): Update => ({ op: 'update', gvr: persistentVolumes, object });
export const updateClaim = (object: PersistentVolumeClaim): Update => ({
  op: 'update',
  gvr: persistentVolumeClaims,
  object,
});

/**
 * The next of the four writes that make the two each other's: the volume names the claim, says so in its phase, then the
 * claim names the volume and says so. undefined: all are made. In this order, so that whoever stops half-way leaves a
 * volume that nobody else can take. Source: pv_controller.go bind.
 */
export function nextBinding(claim: PersistentVolumeClaim, volume: PersistentVolume): Update | undefined {
  const bound = volumeBoundTo(volume, claim);
  if (bound !== undefined) return updateVolume(bound);
  return volumePhase(volume, 'Bound') ?? claimBoundTo(claim, volume) ?? claimStatus(claim, 'Bound', volume);
}
function claimBoundTo(claim: PersistentVolumeClaim, volume: PersistentVolume): Update | undefined {
  const names = claim.spec?.volumeName === volume.metadata.name;
  if (names && hasAnnotation(claim, BIND_COMPLETED)) return undefined;
  const marks = { ...(!names && { [BOUND_BY_CONTROLLER]: 'yes' }), [BIND_COMPLETED]: 'yes' };
  const missing = Object.entries(marks).filter(([name]) => !hasAnnotation(claim, name));
  return updateClaim({
    ...claim,
    metadata: withAnnotations(claim.metadata, Object.fromEntries(missing)),
    spec: { ...claim.spec, volumeName: volume.metadata.name },
  });
}
/** The write that a volume's phase needs; undefined: it has it. */
export function volumePhase(
  volume: PersistentVolume,
  phase: NonNullable<PersistentVolume['status']>['phase'],
  message?: string,
): Update | undefined {
  if (volume.status?.phase === phase) return undefined;
  const { message: _, ...status } = volume.status ?? {};
  const told = { ...status, phase, ...(message !== undefined && { message }) };
  return { ...updateVolume({ ...volume, status: told }), subresource: 'status' };
}
/** The write that a claim's status needs, with what its volume gives it or without any; undefined: none. Source: updateClaimStatus. */
export function claimStatus(
  claim: PersistentVolumeClaim,
  phase: 'Bound' | 'Lost' | 'Pending',
  volume?: PersistentVolume,
): Update | undefined {
  const before = claim.status ?? {};
  const status = volume === undefined ? without(before) : given(before, phase, volume);
  status.phase = phase;
  if (equal(before, status)) return undefined;
  return { ...updateClaim({ ...claim, status }), subresource: 'status' };
}
type Status = NonNullable<PersistentVolumeClaim['status']>;
function without(before: Status): Status {
  const status = { ...before };
  delete status.accessModes;
  delete status.capacity;
  delete status.currentVolumeAttributesClassName;
  return status;
}
function given(before: Status, phase: string, volume: PersistentVolume): Status {
  const status: Status = { ...before };
  const { accessModes, capacity, volumeAttributesClassName } = volume.spec ?? {};
  if (!equal(before.accessModes, accessModes)) status.accessModes = accessModes;
  if (before.phase === phase) return status;
  const preResize = volume.metadata.annotations?.[PRE_RESIZE];
  const storage = before.capacity?.['storage'];
  if (preResize !== undefined)
    status.capacity = { ...before.capacity, storage: isQuantity(preResize) ? preResize : sizeOf(volume) };
  else if (storage === undefined || compareQuantities(storage, sizeOf(volume)) !== 0) status.capacity = capacity;
  if (
    (before.phase ?? 'Pending') === 'Pending' &&
    before.currentVolumeAttributesClassName !== volumeAttributesClassName
  )
    status.currentVolumeAttributesClassName = volumeAttributesClassName;
  return status;
}
function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}
/** Takes back what a volume says about its claim: all of it, or what makes it more than a wish of its writer. Source: unbindVolume. */
export function unbound(volume: PersistentVolume): Update {
  const { claimRef, ...spec } = volume.spec!;
  if (!hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const { uid: _, ...wish } = claimRef!;
    return updateVolume({ ...volume, spec: { ...spec, claimRef: wish } });
  }
  const { [BOUND_BY_CONTROLLER]: _, ...others } = volume.metadata.annotations ?? {};
  const { annotations: _had, ...metadata } = volume.metadata;
  return updateVolume({
    ...volume,
    metadata: Object.keys(others).length === 0 ? metadata : { ...metadata, annotations: others },
    spec,
  });
}
