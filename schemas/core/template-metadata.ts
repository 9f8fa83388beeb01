import type { Errors } from '../define.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { forbidden, type FieldPath } from '../meta/field.ts';
import { validateAnnotations } from '../meta/metadata.ts';
import { validateLabels } from '../meta/selectors.ts';

/** What else metadata has, by the names of Go's fields. */
const NOT_IN_TEMPLATES: readonly (readonly [keyof ObjectMeta, string])[] = [
  ['name', 'name'], ['generateName', 'generateName'], ['namespace', 'namespace'], ['selfLink', 'selfLink'], ['uid', 'uID'],
  ['resourceVersion', 'resourceVersion'], ['generation', 'generation'], ['creationTimestamp', 'creationTimestamp'],
  ['deletionTimestamp', 'deletionTimestamp'], ['deletionGracePeriodSeconds', 'deletionGracePeriodSeconds'],
  ['ownerReferences', 'ownerReferences'], ['finalizers', 'finalizers'], ['managedFields', 'managedFields'],
]; // prettier-ignore
/** Of objects made from a template: labels and annotations, nothing else. Source: pkg/apis/core/validation ValidateTemplateObjectMeta. */
export function* validateTemplateMetadata(metadata: ObjectMeta, at: FieldPath): Errors {
  yield* validateAnnotations(metadata.annotations, at('annotations'));
  yield* validateLabels(metadata.labels, at('labels'));
  for (const [field, name] of NOT_IN_TEMPLATES) if (metadata[field]) yield forbidden(at(name), 'cannot be set');
}
