import { defineResource, type Errors } from '../define.ts';
import type { TopologySelectorTerm } from '../generated/core-v1.ts';
import type { StorageClass } from '../generated/storage-v1.ts';
import { notOneOf } from '../helpers/checks.ts';
import { deprecatedNodeLabel } from '../helpers/node-labels.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { duplicate, fieldPath, invalid, required, type FieldPath } from '../meta/field.ts';
import { qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { validateParameters, validateProvisioner } from './parameters.ts';

const RECLAIM = ['Delete', 'Retain'];
const BINDING = ['Immediate', 'WaitForFirstConsumer'];
const DEFAULT_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

export const storageClass = defineResource<StorageClass>({
  group: 'storage.k8s.io', version: 'v1', resource: 'storageclasses',
  metadataChecks: ['whole', 'changes'],
  deleteReturnsObject: true,

  defaults(draft) {
    draft.reclaimPolicy ??= 'Delete';
    draft.volumeBindingMode ??= 'Immediate';
    return draft;
  },
  *validate({ provisioner, parameters, reclaimPolicy: reclaim, volumeBindingMode: mode, allowedTopologies }, at) {
    yield* validateProvisioner(provisioner, at('provisioner'));
    yield* validateParameters(parameters, true, at('parameters'));
    if (reclaim && !RECLAIM.includes(reclaim)) yield notOneOf(reclaim, RECLAIM, at('reclaimPolicy'));
    if (mode === undefined) yield required(at('volumeBindingMode'));
    else if (!BINDING.includes(mode)) yield notOneOf(mode, BINDING, at('volumeBindingMode'));
    yield* validateTopologies(allowedTopologies ?? [], at('allowedTopologies'));
  },
  *validateUpdate(object, old, at) {
    yield* immutable(object.parameters, old.parameters, at('parameters'));
    yield* immutable(object.provisioner, old.provisioner, at('provisioner'));
    yield* immutable(object.reclaimPolicy, old.reclaimPolicy, at('reclaimPolicy'));
    yield* immutable(object.volumeBindingMode, old.volumeBindingMode, at('volumeBindingMode'));
  },
  warnings: ({ allowedTopologies }) =>
    (allowedTopologies ?? []).flatMap(({ matchLabelExpressions = [] }, i) =>
      matchLabelExpressions.flatMap(({ key }, n) =>
        deprecatedNodeLabel(key, fieldPath('allowedTopologies')(i)('matchLabelExpressions')(n)('key')))),

  cells: ({ metadata, provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion }, now) => [
    `${metadata.name ?? ''}${DEFAULT_ANNOTATIONS.some((a) => metadata.annotations?.[a] === 'true') ? ' (default)' : ''}`, provisioner ?? '',
    reclaimPolicy ?? 'Delete', volumeBindingMode ?? 'Immediate', allowVolumeExpansion ?? false, age(metadata.creationTimestamp, now),
  ],
}); // prettier-ignore

/** Source: pkg/apis/storage/validation validateAllowedTopologies. */
function* validateTopologies(terms: readonly TopologySelectorTerm[], path: FieldPath): Errors {
  const seen: Record<string, string[]>[] = [];
  for (const [i, { matchLabelExpressions = [] }] of terms.entries()) {
    const at = path(i)('matchLabelExpressions');
    const byKey: Record<string, string[]> = {};
    for (const [n, { key, values: given }] of matchLabelExpressions.entries()) {
      const values = given ?? [];
      if (values.length === 0) yield required(at(n)('values'));
      for (const [k, value] of values.entries()) if (values.indexOf(value) < k) yield duplicate(at(n)('values')(k), value);
      for (const why of qualifiedName(key)) yield invalid(at(n)('key'), key, why);
      if (Object.hasOwn(byKey, key)) yield duplicate(at(n)('key'), key);
      byKey[key] = [...new Set(values)].sort();
    }
    // The real list begins with as many empty ones as there are terms.
    const empty = Object.keys(byKey).length === 0 ? terms : [];
    for (const _ of empty) yield duplicate(at, '');
    for (const other of seen) if (equal(byKey, other)) yield duplicate(at, '');
    seen.push(byKey);
  }
} // prettier-ignore
