import type { Errors } from '../define.ts';
import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  VolumeNodeAffinity,
} from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { deprecatedNodeLabel } from '../helpers/node-labels.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { fieldPath, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { parseQuantity, quantityValue } from '../meta/quantity.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { validateNodeSelector } from './node-affinity-validation.ts';
import { validateSources } from './persistent-volume-sources.ts';
import { diffOfStructs } from './struct-diff.ts';
import { BETA_CLASS, validateAccessModes, validateClassName, VOLUME_MODES } from './volume-claim.ts';

const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options';
const RECLAIM = ['Delete', 'Recycle', 'Retain'];
/** The fields of Go's PersistentVolumeSource, in its order. */
const SOURCE_FIELDS = [
  'gcePersistentDisk', 'awsElasticBlockStore', 'hostPath', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'flexVolume', 'cinder', 'cephfs', 'fc', 'flocker',
  'azureFile', 'vsphereVolume', 'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'local', 'storageos', 'csi',
] as const; // prettier-ignore
/** Of these sources the old annotation with mount options is taken. Source: pkg/volume/validation checkMountOption. */
const MOUNTED = [
  'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'quobyte', 'iscsi', 'cinder', 'cephfs', 'azureFile', 'vsphereVolume',
  'azureDisk', 'photonPersistentDisk',
] as const; // prettier-ignore

/** Source: pkg/apis/core/validation ValidatePersistentVolumeSpec. */
export function* validateVolumeSpec(spec: PersistentVolumeSpec, name: string, at: FieldPath): Errors {
  const { accessModes = [], persistentVolumeReclaimPolicy: reclaim, volumeMode } = spec;
  if (accessModes.length === 0) yield required(at('accessModes'));
  yield* validateAccessModes(accessModes, at('accessModes'));
  yield* validateCapacity(spec.capacity, at('capacity'));
  if (reclaim && !RECLAIM.includes(reclaim)) yield notSupported(at('persistentVolumeReclaimPolicy'), reclaim, RECLAIM);
  if (spec.nodeAffinity) {
    if (spec.nodeAffinity.required)
      yield* validateNodeSelector(spec.nodeAffinity.required, at('nodeAffinity')('required'));
    else yield required(at('nodeAffinity')('required'), 'must specify required node constraints');
  }
  yield* validateSources(spec, name, at);
  if (spec.hostPath && isRoot(spec.hostPath.path) && reclaim === 'Recycle')
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
function* validateCapacity(capacity: PersistentVolumeSpec['capacity'], at: FieldPath): Errors {
  const names = Object.keys(capacity ?? {});
  if (names.length === 0) yield required(at);
  if (!names.includes('storage') || names.length > 1) yield notSupported(at, sorted(capacity), ['storage']);
  for (const [name, quantity] of Object.entries(capacity ?? {})) {
    const { nano } = parseQuantity(quantity);
    if (quantityValue(quantity) < 0)
      yield invalid(at.key(name), quantityValue(quantity), 'must be a valid resource quantity');
    if (nano <= 0n) yield invalid(at.key(name), String(quantity), 'must be greater than zero');
  }
}
const sorted = <T>(map: Readonly<Record<string, T>> | undefined): Readonly<Record<string, T>> | null =>
  map === undefined ? null : Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
/** Whether a cleaned path is `/`. */
export const isRoot = (path: string): boolean => {
  if (!path.startsWith('/')) return false;
  let depth = 0;
  for (const part of path.split('/'))
    if (part === '..') depth = Math.max(0, depth - 1);
    else if (part !== '' && part !== '.') depth++;
  return depth === 0;
};
/** Source: pkg/volume/validation ValidatePersistentVolume. */
export function* validateMountOptions({ metadata, spec }: PersistentVolume, at: FieldPath): Errors {
  if (metadata.annotations?.[MOUNT_OPTIONS] === undefined || MOUNTED.some((source) => spec?.[source])) return;
  yield forbidden(at('metadata')('annotations')(MOUNT_OPTIONS), 'may not specify mount options for this volume type');
}
const sourceOf = (spec: PersistentVolumeSpec | undefined): Record<string, unknown> =>
  Object.fromEntries(SOURCE_FIELDS.filter((s) => spec?.[s]).map((s) => [s, spec?.[s]]));

/** Source: pkg/apis/core/validation ValidatePersistentVolumeUpdate. */
export function* validateVolumeUpdate({ spec }: PersistentVolume, old: PersistentVolume, at: FieldPath): Errors {
  const [before, after] = [sourceOf(old.spec), sourceOf(spec)];
  // A secret for growing may come later.
  if (spec?.csi?.controllerExpandSecretRef && old.spec?.csi && !old.spec.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...csi } = spec.csi;
    after['csi'] = csi;
  }
  if (!sameStruct(before, after, 'io.k8s.api.core.v1.PersistentVolumeSpec'))
    yield forbidden(
      at('spec')('persistentvolumesource'),
      `spec.persistentvolumesource is immutable after creation\n${diffOfStructs('io.k8s.api.core.v1.PersistentVolumeSpec', before, after, SOURCE_FIELDS)}`,
    );
  yield* immutable(spec?.volumeMode, old.spec?.volumeMode, at('volumeMode'));
  if (old.spec?.nodeAffinity && !equal(spec?.nodeAffinity, withNewLabels(old.spec.nodeAffinity, spec?.nodeAffinity)))
    yield invalid(
      at('nodeAffinity'),
      goStruct(spec?.nodeAffinity, 'io.k8s.api.core.v1.VolumeNodeAffinity'),
      'field is immutable, except for updating from beta label to GA',
    );
  if (old.spec?.volumeAttributesClassName !== undefined && spec?.volumeAttributesClassName === undefined)
    yield forbidden(at('spec')('volumeAttributesClassName'), 'update from non-nil value to nil is forbidden');
}
/** What nodes' labels became. Source: pkg/apis/core/validation betaToGALabel. */
const NEW_LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};
/** The old requirements under the keys that the new ones have, where these took a label's new name; one without has an empty one. */
function withNewLabels(old: VolumeNodeAffinity, now: VolumeNodeAffinity | undefined): VolumeNodeAffinity {
  const terms = now?.required?.nodeSelectorTerms;
  const renamed = (list: readonly NodeSelectorRequirement[] | undefined, others: readonly NodeSelectorRequirement[] | undefined) =>
    list?.map((r, i) => (own(NEW_LABELS, r.key, '') === others?.[i]?.key ? { ...r, key: others[i].key } : r));
  const nodeSelectorTerms = (old.required?.nodeSelectorTerms ?? []).map((term, i) => ({
    matchExpressions: renamed(term.matchExpressions, terms?.[i]?.matchExpressions),
    matchFields: renamed(term.matchFields, terms?.[i]?.matchFields),
  }));
  return { ...old, ...(old.required && { required: { ...old.required, nodeSelectorTerms } }) };
} // prettier-ignore
const own = (map: Readonly<Record<string, string>>, key: string, missing: string): string =>
  Object.hasOwn(map, key) ? map[key]! : missing;
const ANNOTATIONS: readonly (readonly [string, string])[] = [
  [BETA_CLASS, 'deprecated since v1.8; use "storageClassName" attribute instead'],
  [MOUNT_OPTIONS, 'deprecated since v1.31; use "mountOptions" attribute instead'],
];
const OLD_SOURCES: readonly (readonly [keyof PersistentVolumeSpec, string])[] = [
  ['cephfs', 'cephfs: deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO: deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS: deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs: deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd: deprecated in v1.28, non-functional in v1.31+'],
];
const RECYCLE =
  'The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';

/** Source: pkg/api/persistentvolume GetWarningsForPersistentVolume. */
export function* volumeWarnings({ metadata, spec }: PersistentVolume): Generator<string> {
  const at = fieldPath('spec');
  for (const [key, why] of ANNOTATIONS)
    if (metadata.annotations?.[key] !== undefined)
      yield `${String(fieldPath('metadata')('annotations').key(key))}: ${why}`;
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle')
    yield `${String(at('persistentVolumeReclaimPolicy'))}: ${RECYCLE}`;
  const terms = at('nodeAffinity')('required')('nodeSelectorTerms');
  for (const [i, { matchExpressions = [] }] of (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    for (const [n, { key }] of matchExpressions.entries())
      yield* deprecatedNodeLabel(key, terms(i)('matchExpressions')(n)('key'), true);
  for (const [source, why] of OLD_SOURCES) if (spec?.[source]) yield `spec.${why}`;
}
