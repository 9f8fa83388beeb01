import { defineResource, type Errors } from '../define.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { forbidden, required, type FieldPath } from '../meta/field.ts';
import { compareQuantities } from '../meta/quantity.ts';
import { age } from '../meta/time.ts';
import { diffOfStructs } from './struct-diff.ts';
import { roundUp } from './pod-spec-defaults.ts';
import { shortAccessModes, validateClaimSpec } from './volume-claim.ts';

const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const IMMUTABLE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

export const persistentVolumeClaim = defineResource<PersistentVolumeClaim>({
  group: '', version: 'v1', resource: 'persistentvolumeclaims',
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    const spec = draft.spec!;
    spec.volumeMode ??= 'Filesystem';
    (draft.status ??= {}).phase ??= 'Pending';
    roundUp(spec.resources);
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = { phase: 'Pending' };
    dropOldSource(draft.spec!, undefined);
    copySources(draft.spec!);
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    dropOldSource(draft.spec!, old.spec);
    copySources(draft.spec!);
    return draft;
  },

  *validate({ spec }, at) {
    yield* validateClaimSpec(spec ?? {}, at('spec'));
  },
  validateUpdate,
  *validateStatusUpdate({ spec }, _old, at) {
    if ((spec?.accessModes ?? []).length === 0) yield required(at('Spec')('accessModes'));
  },

  cells({ metadata, spec, status }, now) {
    const bound = Boolean(spec?.volumeName);
    return [
      metadata.name ?? '', metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''), spec?.volumeName ?? '',
      bound ? String(status?.capacity?.['storage'] ?? '0') : '', bound ? shortAccessModes(status?.accessModes) : '',
      metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '', spec?.volumeAttributesClassName ?? '<unset>',
      age(metadata.creationTimestamp, now), spec?.volumeMode ?? '<unset>',
    ];
  },
}); // prettier-ignore

/** dataSource once took claims and snapshots only, and still ignores the rest. Source: EnforceDataSourceBackwardsCompatibility. */
function dropOldSource(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  const source = spec.dataSource;
  if (!source || spec.dataSourceRef || old?.dataSource || old?.dataSourceRef) return;
  const isClaim = source.kind === 'PersistentVolumeClaim' && !source.apiGroup;
  if (!isClaim && !(source.kind === 'VolumeSnapshot' && source.apiGroup === 'snapshot.storage.k8s.io'))
    delete spec.dataSource;
}
/** Both ways of naming a source say the same. Source: pkg/api/persistentvolumeclaim NormalizeDataSources. */
function copySources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { namespace: _, ...local } = dataSourceRef;
    spec.dataSource = local;
  }
}
/** Source: pkg/apis/core/validation ValidatePersistentVolumeClaimUpdate. */
function* validateUpdate(object: PersistentVolumeClaim, old: PersistentVolumeClaim, at: FieldPath): Errors {
  const spec = { ...object.spec };
  const before = { ...old.spec };
  if (!before.volumeName && spec.volumeName) before.volumeName = spec.volumeName;
  const annotation = old.metadata.annotations?.[BETA_CLASS];
  // A class may be named later, if it is the one that an annotation named before.
  if (spec.storageClassName !== undefined && before.storageClassName === undefined && (annotation ?? spec.storageClassName) === spec.storageClassName)
    delete spec.storageClassName;
  if (object.status?.phase === 'Bound') {
    const storage = before.resources?.requests?.['storage'];
    if (spec.resources?.requests && storage !== undefined)
      spec.resources = { ...spec.resources, requests: { ...spec.resources.requests, storage } };
    if (before.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
    else spec.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!equal(spec, before))
    yield forbidden(at('spec'), `${IMMUTABLE}\n${diffOfStructs('io.k8s.api.core.v1.PersistentVolumeClaimSpec', before, spec)}`);
  const size = object.spec?.resources?.requests?.['storage'] ?? '0';
  if (compareQuantities(size, old.spec?.resources?.requests?.['storage'] ?? '0') < 0 && compareQuantities(size, old.status?.capacity?.['storage'] ?? '0') <= 0)
    yield forbidden(at('spec')('resources')('requests')('storage'), 'field can not be less than status.capacity');
  yield* immutable(object.spec?.volumeMode, old.spec?.volumeMode, at('volumeMode'));
  if (old.status?.currentVolumeAttributesClassName === undefined) return;
  const name = object.spec?.volumeAttributesClassName;
  if (!name && !equal(name, old.spec?.volumeAttributesClassName))
    yield forbidden(at('spec')('volumeAttributesClassName'), `update to ${name === '' ? 'empty string' : 'nil'} is forbidden when status.currentVolumeAttributesClassName is not nil`);
} // prettier-ignore
