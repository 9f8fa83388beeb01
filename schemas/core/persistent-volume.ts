import { defineResource, type Errors } from '../define.ts';
import type { PersistentVolume, PersistentVolumeSpec } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { age } from '../meta/time.ts';
import { validateNodeSelector } from './node-affinity-validation.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { diffOfStructs } from './struct-diff.ts';
import { shortAccessModes, validateAccessModes, validateClassName, VOLUME_MODES } from './volume-claim.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const RECLAIM = ['Delete', 'Recycle', 'Retain'];
/** In the order in which the real server looks at them. */
const SOURCES = [
  'hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs', 'iscsi', 'cinder',
  'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'local', 'storageos', 'csi',
] as const; // prettier-ignore

export const persistentVolume = defineResource<PersistentVolume>({
  group: '', version: 'v1', resource: 'persistentvolumes',
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    const spec = draft.spec!;
    (draft.status ??= {}).phase ??= 'Pending';
    spec.persistentVolumeReclaimPolicy ??= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    return draft;
  },
  /** creationTimestamp is set by then: the first phase begins with the object. */
  prepareForCreate(draft) {
    const since = draft.metadata.creationTimestamp;
    draft.status = { phase: 'Pending', ...(since && { lastPhaseTransitionTime: since }) };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },

  *validate({ spec }, at) {
    yield* validateSpec(spec ?? {}, at('spec'));
  },
  *validateUpdate({ spec }, old, at) {
    const [a, b] = [sourceOf(old.spec), sourceOf(spec)];
    if (!equal(a, b))
      yield forbidden(
        at('spec')('persistentvolumesource'),
        `spec.persistentvolumesource is immutable after creation\n${diffOfStructs('io.k8s.api.core.v1.PersistentVolumeSpec', a, b, SOURCES)}`,
      );
    yield* immutable(spec?.volumeMode, old.spec?.volumeMode, at('volumeMode'));
    if (old.spec?.nodeAffinity && !equal(spec?.nodeAffinity, old.spec.nodeAffinity))
      yield invalid(
        at('nodeAffinity'),
        goStruct(spec?.nodeAffinity, 'io.k8s.api.core.v1.VolumeNodeAffinity'),
        'field is immutable, except for updating from beta label to GA',
      );
    if (old.spec?.volumeAttributesClassName !== undefined && spec?.volumeAttributesClassName === undefined)
      yield forbidden(at('spec')('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden');
  },

  selectableFields: { name: ({ metadata }) => metadata.name ?? '' },

  cells({ metadata, spec, status }, now) {
    const claim = spec?.claimRef;
    return [
      metadata.name ?? '', String(spec?.capacity?.['storage'] ?? '0'), shortAccessModes(spec?.accessModes), spec?.persistentVolumeReclaimPolicy ?? '',
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''), claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '',
      metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '', spec?.volumeAttributesClassName ?? '<unset>', status?.reason ?? '',
      age(metadata.creationTimestamp, now), spec?.volumeMode ?? '<unset>',
    ];
  },
}); // prettier-ignore

function sourceOf(spec: PersistentVolumeSpec | undefined): Record<string, unknown> {
  return Object.fromEntries(SOURCES.filter((s) => spec?.[s]).map((s) => [s, spec?.[s]]));
}
/** Source: pkg/apis/core/validation ValidatePersistentVolumeSpec. */
function* validateSpec(spec: PersistentVolumeSpec, at: FieldPath): Errors {
  const { accessModes = [], capacity = {}, persistentVolumeReclaimPolicy: reclaim, volumeMode } = spec;
  if (accessModes.length === 0) yield required(at('accessModes'));
  yield* validateAccessModes(accessModes, at('accessModes'));
  const names = Object.keys(capacity);
  if (names.length === 0) yield required(at('capacity'));
  if (!names.includes('storage') || names.length > 1)
    yield notSupported(at('capacity'), names.length === 0 ? null : capacity, ['storage']);
  for (const [name, quantity] of Object.entries(capacity)) {
    if (parseQuantity(quantity).nano < 0n)
      yield invalid(at('capacity').key(name), String(quantity), 'must be a valid resource quantity');
    if (parseQuantity(quantity).nano <= 0n)
      yield invalid(at('capacity').key(name), String(quantity), 'must be greater than zero');
  }
  if (reclaim && !RECLAIM.includes(reclaim)) yield notSupported(at('persistentVolumeReclaimPolicy'), reclaim, RECLAIM);
  if (spec.nodeAffinity) {
    if (spec.nodeAffinity.required)
      yield* validateNodeSelector(spec.nodeAffinity.required, at('nodeAffinity')('required'));
    else yield required(at('nodeAffinity')('required'), 'must specify required node constraints');
  }
  const found = SOURCES.filter((s) => spec[s]);
  for (const source of found.slice(1)) yield forbidden(at(source), 'may not specify more than 1 volume type');
  if (found.length === 0) yield required(at, 'must specify a volume type');
  if (found[0] === 'hostPath' && !spec.hostPath!.path) yield required(at('hostPath')('path'));
  if (found[0] === 'local' && !spec.nodeAffinity)
    yield required(at('nodeAffinity'), 'Local volume requires node affinity');
  if (found[0] === 'csi') {
    if (!spec.csi!.driver) yield required(at('csi')('driver'));
    if (!spec.csi!.volumeHandle) yield required(at('csi')('volumeHandle'));
  }
  if (found[0] === 'nfs') {
    if (!spec.nfs!.server) yield required(at('nfs')('server'));
    if (!spec.nfs!.path) yield required(at('nfs')('path'));
    else if (!spec.nfs!.path.startsWith('/'))
      yield invalid(at('nfs')('path'), spec.nfs!.path, 'must be an absolute path');
  }
  if (spec.hostPath?.path && /^\/+$/.test(spec.hostPath.path) && reclaim === 'Recycle')
    yield forbidden(at('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'");
  yield* validateClassName(spec.storageClassName, at('storageClassName'));
  if (volumeMode !== undefined && !VOLUME_MODES.includes(volumeMode))
    yield notSupported(at('volumeMode'), volumeMode, VOLUME_MODES);
  if (spec.volumeAttributesClassName === undefined) return;
  if (spec.volumeAttributesClassName === '')
    yield required(at('volumeAttributesClassName'), 'an empty string is disallowed');
  yield* validateClassName(spec.volumeAttributesClassName, at('volumeAttributesClassName'));
  if (!spec.csi) yield required(at('csi'), 'has to be specified when using volumeAttributesClassName');
}
