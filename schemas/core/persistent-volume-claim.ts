import { defineResource, type Errors } from '../define.ts';
import type { Quantity } from '../generated/api-resource.ts';
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { fieldPath, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { compareQuantities, quantityValue } from '../meta/quantity.ts';
import { age } from '../meta/time.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { roundUp, roundUpList } from './pod-spec-defaults.ts';
import { isNative } from './resource-names.ts';
import { diffOfStructs } from './struct-diff.ts';
import { BETA_CLASS, claimWarnings, shortAccessModes, validateClaimSpec } from './volume-claim.ts';

const IMMUTABLE =
  'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';

export const persistentVolumeClaim = defineResource<PersistentVolumeClaim>({
  group: '', version: 'v1', resource: 'persistentvolumeclaims',
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    const spec = draft.spec!;
    spec.volumeMode ??= 'Filesystem';
    const status = (draft.status ??= {});
    status.phase ||= 'Pending';
    roundUp(spec.resources);
    if (status.capacity) roundUpList(status.capacity);
    if (status.allocatedResources) roundUpList(status.allocatedResources);
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

  metadataChecks: ['changes', 'whole'],
  *validate({ spec }, at, old) {
    yield* validateClaimSpec(spec ?? {}, at('spec'), hasGroup(old?.spec));
  },
  validateUpdate,
  validateStatusUpdate,
  warnings: ({ metadata, spec }) => [
    ...(metadata.annotations?.[BETA_CLASS] === undefined ? [] : [`metadata.annotations[${BETA_CLASS}]: ${DEPRECATED_CLASS}`]),
    ...claimWarnings(spec ?? {}, fieldPath('spec')),
  ],

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

const DEPRECATED_CLASS = 'deprecated since v1.8; use "storageClassName" attribute instead';
const hasGroup = (spec: PersistentVolumeClaimSpec | undefined): boolean =>
  (spec?.dataSource?.apiGroup ?? spec?.dataSourceRef?.apiGroup ?? undefined) !== undefined;

/** A source in another namespace is not on by default. Source: pkg/api/persistentvolumeclaim DropDisabledFields. */
function dropForeignSource(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
}
/** dataSource once took claims and snapshots only, and still ignores the rest. Source: EnforceDataSourceBackwardsCompatibility. */
function dropOldSource(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): void {
  dropForeignSource(spec, old);
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
  copySources(before);
  if (!before.volumeName && spec.volumeName) before.volumeName = spec.volumeName;
  const [had, has] = [old.metadata.annotations?.[BETA_CLASS], object.metadata.annotations?.[BETA_CLASS]];
  const named = spec.storageClassName !== undefined && before.storageClassName === undefined;
  // A class may be named later, if it is the one that an annotation named before.
  if (had !== undefined && named && spec.storageClassName === had && (has ?? had) === had) delete spec.storageClassName;
  else {
    yield* immutable(has ?? '', had ?? '', at('metadata')('annotations')(BETA_CLASS));
    if (named && (had ?? spec.storageClassName) === spec.storageClassName) delete spec.storageClassName;
  }
  if (object.status?.phase === 'Bound') {
    const storage = before.resources?.requests?.['storage'];
    if (spec.resources?.requests && storage !== undefined)
      spec.resources = { ...spec.resources, requests: { ...spec.resources.requests, storage } };
    if (before.volumeAttributesClassName === undefined) delete spec.volumeAttributesClassName;
    else spec.volumeAttributesClassName = before.volumeAttributesClassName;
  }
  if (!sameStruct(spec, before, 'io.k8s.api.core.v1.PersistentVolumeClaimSpec'))
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
const RESIZE_STATES = ['ControllerResizeInProgress', 'ControllerResizeInfeasible', 'NodeResizeInProgress', 'NodeResizeInfeasible', 'NodeResizePending']; // prettier-ignore
/** Source: pkg/apis/core/validation ValidatePersistentVolumeClaimStatusUpdate. */
function* validateStatusUpdate({ spec, status }: PersistentVolumeClaim, _old: unknown, at: FieldPath): Errors {
  if ((spec?.accessModes ?? []).length === 0) yield required(at('Spec')('accessModes'));
  yield* validateAmounts(status?.capacity, at('status')('capacity'), false);
  const states = at('status')('allocatedResourceStatuses');
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    yield* validateClaimResource(name, states);
    if (!RESIZE_STATES.includes(state)) yield notSupported(states, name, RESIZE_STATES);
  }
  yield* validateAmounts(status?.allocatedResources, at('status')('allocatedResources'), true);
}
function* validateAmounts(list: Readonly<Record<string, Quantity>> | undefined, at: FieldPath, named: boolean): Errors {
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const wrong = named ? [...validateClaimResource(name, at)] : [];
    yield* wrong;
    const value = quantityValue(quantity);
    if (wrong.length === 0 && value < 0) yield invalid(at.key(name), value, 'must be a valid resource quantity');
  }
}
/** Of the names without a domain, or with that of Kubernetes, storage alone. */
function* validateClaimResource(name: string, at: FieldPath): Errors {
  const wrong = qualifiedName(name);
  for (const why of wrong) yield invalid(at, name, why);
  if (wrong.length === 0 && isNative(name) && name !== 'storage') yield notSupported(at, name, ['storage']);
}
