import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../generated/meta-v1.ts';
import { equal } from './equal.ts';
import { forbidden, invalid, required, tooLong, type FieldError, type FieldPath } from './field.ts';
import { byteLength, nameIsLabel, nameIsSubdomain, pathSegment, qualifiedName, type Problems } from './names.ts';
import { validateLabels } from './selectors.ts';

type Errors = Generator<FieldError, void, undefined>;
export interface MetadataRules {
  readonly namespaced: boolean;
  /** The kind's rule; default DNS subdomain. */
  readonly validateName?: ((name: string, prefix: boolean) => Problems) | undefined;
  /** Finalizers of custom resources may be any. */
  readonly custom?: boolean;
  /** Finalizers need be neither standard nor qualified. */
  readonly anyFinalizers?: boolean | undefined;
  /** What the kind's own update checks; default the changes, once. */
  readonly checks?: readonly MetadataCheck[] | undefined;
}
/** As at creation, or what may not change. */
export type MetadataCheck = 'whole' | 'changes';
/** Source: apimachinery objectmeta.go TotalAnnotationSizeLimitB. */
const ANNOTATIONS_MAX_BYTES = 256 * 1024;
/** Source: pkg/apis/core/helper IsStandardFinalizerName. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** What create checks of metadata, in the real order; the name has been generated. Source: ValidateObjectMeta. */
export function* validateMetadata(meta: ObjectMeta, rules: MetadataRules, at: FieldPath): Errors {
  const rule = rules.validateName ?? nameIsSubdomain;
  yield* validateNames(meta, rule, at);
  yield* validateCommon(meta, rules, at);
  yield* validateOwnFinalizers(meta, rules, at);
}
/** What the machinery checks of every new object, after the kind found nothing: names only as URL segments. */
export function* validateMetadataOfAll(meta: ObjectMeta, rules: MetadataRules, at: FieldPath): Errors {
  yield* validateNames(meta, pathSegment, at);
  yield* validateCommon(meta, rules, at);
}
function* validateOwnFinalizers(meta: ObjectMeta, rules: MetadataRules, at: FieldPath): Errors {
  if (rules.custom === true || rules.anyFinalizers === true) return;
  yield* validateFinalizerNames(meta.finalizers ?? [], at('finalizers'));
}
function* validateNames(meta: ObjectMeta, rule: (name: string, prefix: boolean) => Problems, at: FieldPath): Errors {
  if (meta.generateName)
    for (const why of rule(meta.generateName, true)) yield invalid(at('generateName'), meta.generateName, why);
  if (!meta.name) yield required(at('name'), 'name or generateName is required');
  else for (const why of rule(meta.name, false)) yield invalid(at('name'), meta.name, why);
}
function* validateCommon(meta: ObjectMeta, rules: MetadataRules, at: FieldPath): Errors {
  if (rules.namespaced) {
    if (!meta.namespace) yield required(at('namespace'));
    else for (const why of nameIsLabel(meta.namespace, false)) yield invalid(at('namespace'), meta.namespace, why);
  } else if (meta.namespace) yield forbidden(at('namespace'), 'not allowed on this type');
  if ((meta.generation ?? 0) < 0)
    yield invalid(at('generation'), meta.generation, 'must be greater than or equal to 0');
  yield* validateLabels(meta.labels, at('labels'));
  yield* validateAnnotations(meta.annotations, at('annotations'));
  yield* validateOwnerReferences(meta.ownerReferences ?? [], at('ownerReferences'));
  yield* validateFinalizers(meta.finalizers ?? [], at('finalizers'));
  yield* validateManagedFields(meta.managedFields ?? [], at('managedFields'));
}
/**
 * What update checks of metadata, in the real order: names only as URL segments, then what may not change; builtin kinds
 * check the latter again, and the repeated causes are what clients see. `meta` has been prepared: uid, timestamps and
 * generation taken from `old` where the writer said nothing. Source: apiserver rest.BeforeUpdate, ValidateObjectMetaUpdate.
 */
export function* validateMetadataUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  rules: MetadataRules,
  at: FieldPath,
): Errors {
  yield* validateNames(meta, pathSegment, at);
  yield* validateCommon(meta, rules, at);
  yield* validateChange(meta, old, at);
  for (const check of rules.checks ?? ONCE) {
    if (check === 'whole') yield* validateMetadata(meta, rules, at);
    else yield* validateMetadataChange(meta, old, rules, at);
  }
}
/** What may not change of metadata, as a kind's own check of an update. Source: pkg/apis/core/validation ValidateObjectMetaUpdate. */
export function* validateMetadataChange(
  meta: ObjectMeta,
  old: ObjectMeta,
  rules: MetadataRules,
  at: FieldPath,
): Errors {
  yield* validateChange(meta, old, at);
  yield* validateOwnFinalizers(meta, rules, at);
}
const ONCE: readonly MetadataCheck[] = ['changes'];
function* validateChange(meta: ObjectMeta, old: ObjectMeta, at: FieldPath): Errors {
  const seen = new Set(old.finalizers);
  const added = (meta.finalizers ?? []).filter((f) => !seen.has(f));
  if (old.deletionTimestamp && added.length > 0) {
    const list = [...new Set(added)].sort().map((f) => JSON.stringify(f));
    yield forbidden(
      at('finalizers'),
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list.join(', ')}}`,
    );
  }
  if (!meta.resourceVersion) yield invalid(at('resourceVersion'), 0, 'must be specified for an update');
  if ((meta.generation ?? 0) < (old.generation ?? 0))
    yield invalid(at('generation'), meta.generation ?? 0, 'must not be decremented');
  for (const field of IMMUTABLE) {
    if (!equal(meta[field] ?? '', old[field] ?? ''))
      yield invalid(at(field), meta[field] ?? null, 'field is immutable');
  }
  yield* validateLabels(meta.labels, at('labels'));
  yield* validateAnnotations(meta.annotations, at('annotations'));
  yield* validateOwnerReferences(meta.ownerReferences ?? [], at('ownerReferences'));
  yield* validateManagedFields(meta.managedFields ?? [], at('managedFields'));
}
const IMMUTABLE = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const; // prettier-ignore

export function* validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, at: FieldPath): Errors {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    size += byteLength(key) + byteLength(value);
    for (const why of qualifiedName(key.toLowerCase())) yield invalid(at, key, why);
  }
  if (size > ANNOTATIONS_MAX_BYTES) yield tooLong(at, ANNOTATIONS_MAX_BYTES);
}
function* validateOwnerReferences(references: readonly OwnerReference[], at: FieldPath): Errors {
  let controller = '';
  for (const reference of references) {
    const { apiVersion, kind, name, uid } = reference;
    // What has two slashes has no version either.
    if (apiVersion === '' || apiVersion.endsWith('/') || apiVersion.split('/').length > 2)
      yield invalid(at('apiVersion'), apiVersion, 'version must not be empty');
    if (kind === '') yield invalid(at('kind'), kind, 'must not be empty');
    if (name === '') yield invalid(at('name'), name, 'must not be empty');
    if (uid === '') yield invalid(at('uid'), uid, 'must not be empty');
    if (apiVersion === 'v1' && kind === 'Event')
      yield invalid(at, reference, '/v1, Kind=Event is disallowed from being an owner');
    if (reference.controller !== true) continue;
    const current = `${kind}/${name}`;
    if (controller === '') controller = current;
    else
      yield invalid(at, references, `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`); // prettier-ignore
  }
}
function* validateFinalizers(finalizers: readonly string[], at: FieldPath): Errors {
  for (const finalizer of finalizers) for (const why of qualifiedName(finalizer)) yield invalid(at, finalizer, why);
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    yield invalid(at, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
}
/** Also for spec.finalizers of a Namespace. Source: pkg/apis/core/validation validateKubeFinalizerName. */
export function* validateFinalizerNames(finalizers: readonly string[], at: FieldPath): Errors {
  for (const [i, finalizer] of finalizers.entries()) {
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.has(finalizer))
      yield invalid(at(i), finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}
function* validateManagedFields(entries: readonly ManagedFieldsEntry[], at: FieldPath): Errors {
  for (const [i, { operation, fieldsType, manager, subresource }] of entries.entries()) {
    const here = at(i);
    if (operation !== 'Apply' && operation !== 'Update')
      yield invalid(here('operation'), operation ?? '', 'must be `Apply` or `Update`');
    if (fieldsType && fieldsType !== 'FieldsV1') yield invalid(here('fieldsType'), fieldsType, 'must be `FieldsV1`');
    yield* validateFieldManager(manager ?? '', here('manager'));
    if (byteLength(subresource ?? '') > 256) yield tooLong(here('subresource'), 256);
  }
}
/** Also the query parameter. Source: apimachinery pkg/apis/meta/v1/validation ValidateFieldManager. */
export function* validateFieldManager(manager: string, at: FieldPath): Errors {
  if (byteLength(manager) > 128) yield tooLong(at, 128);
  if (/^[ -~]*$/.test(manager)) return;
  let position = 0;
  for (const c of manager) {
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(c)) {
      const code = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      yield invalid(at, manager, `invalid character U+${code} (at position ${position})`);
    }
    position += byteLength(c);
  }
}
