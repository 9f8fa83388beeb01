import type { Errors } from '../define.ts';
import type { PersistentVolumeClaimSpec } from '../generated/core-v1.ts';
import { forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, nameIsLabel } from '../meta/names.ts';
import { parseQuantity, quantityMilli } from '../meta/quantity.ts';
import { validateLabelSelector } from '../meta/selectors.ts';

export const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';
const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
export const VOLUME_MODES = ['Block', 'Filesystem'];

/** Source: pkg/apis/core/v1 helper GetAccessModesAsString. */
const SHORT = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' } as const;
export const shortAccessModes = (modes: readonly string[] = []): string =>
  Object.entries(SHORT).filter(([mode]) => modes.includes(mode)).map(([, short]) => short).join(','); // prettier-ignore

export function* validateAccessModes(modes: readonly string[], at: FieldPath): Errors {
  for (const mode of modes) if (!ACCESS_MODES.includes(mode)) yield notSupported(at, mode, ACCESS_MODES);
  const single = modes.includes('ReadWriteOncePod');
  if (single && modes.some((m) => m !== 'ReadWriteOncePod' && ACCESS_MODES.includes(m)))
    yield forbidden(at, 'may not use ReadWriteOncePod with other access modes');
}
export function* validateClassName(name: string | undefined, at: FieldPath): Errors {
  if (name) for (const why of dnsSubdomain(name)) yield invalid(at, name, why);
}
/** `anyGroup`: sources may name malformed groups. Source: pkg/apis/core/validation ValidatePersistentVolumeClaimSpec. */
export function* validateClaimSpec(spec: PersistentVolumeClaimSpec, at: FieldPath, anyGroup = false): Errors {
  const { accessModes = [], volumeMode, dataSource, dataSourceRef } = spec;
  if (accessModes.length === 0) yield required(at('accessModes'), 'at least 1 access mode is required');
  yield* validateLabelSelector(spec.selector, at('selector'));
  yield* validateAccessModes(accessModes, at('accessModes'));
  const storage = spec.resources?.requests?.['storage'];
  const here = at('resources').key('storage');
  if (storage === undefined) yield required(here);
  else if (parseQuantity(storage).nano <= 0n) yield invalid(here, String(storage), 'must be greater than zero');
  yield* validateClassName(spec.storageClassName, at('storageClassName'));
  if (volumeMode !== undefined && !VOLUME_MODES.includes(volumeMode))
    yield notSupported(at('volumeMode'), volumeMode, VOLUME_MODES);
  if (dataSource) yield* validateSource(dataSource, anyGroup, at('dataSource'));
  if (dataSourceRef) {
    yield* validateSource(dataSourceRef, anyGroup, at('dataSourceRef'));
    const { namespace } = dataSourceRef;
    if (namespace)
      for (const why of nameIsLabel(namespace, false)) yield invalid(at('dataSourceRef')('namespace'), namespace, why);
    if (namespace && dataSource)
      yield invalid(at, {}, 'may not be specified when dataSourceRef.namespace is specified');
    else if (dataSource && !sameSource(dataSource, dataSourceRef)) yield invalid(at, {}, 'must match dataSourceRef');
  }
  yield* validateClassName(spec.volumeAttributesClassName, at('volumeAttributesClassName'));
}
interface Source {
  readonly apiGroup?: string | null | undefined;
  readonly kind: string;
  readonly name: string;
}
const sameSource = (a: Source, b: Source): boolean =>
  (a.apiGroup ?? undefined) === (b.apiGroup ?? undefined) && a.kind === b.kind && a.name === b.name;
function* validateSource({ apiGroup, kind, name }: Source, anyGroup: boolean, at: FieldPath): Errors {
  if (name === '') yield required(at('name'));
  if (kind === '') yield required(at('kind'));
  if (!apiGroup) {
    if (kind !== 'PersistentVolumeClaim')
      yield invalid(at, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  } else if (!anyGroup) for (const why of dnsSubdomain(apiGroup)) yield invalid(at('apiGroup'), apiGroup, why);
}
/** Bytes come whole. Source: pkg/api/persistentvolumeclaim GetWarningsForPersistentVolumeClaimSpec. */
export function* claimWarnings({ resources }: PersistentVolumeClaimSpec, at: FieldPath): Generator<string> {
  for (const list of ['requests', 'limits'] as const) {
    const storage = resources?.[list]?.['storage'];
    if (storage !== undefined && quantityMilli(storage) % 1000 !== 0)
      yield `${String(at('resources')(list).key('storage'))}: fractional byte value ${JSON.stringify(String(storage))} is invalid, must be an integer`;
  }
}
