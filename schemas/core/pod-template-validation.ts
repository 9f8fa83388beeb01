import type { Errors } from '../define.ts';
import type { PodTemplateSpec } from '../generated/core-v1.ts';
import { forbidden, type FieldPath } from '../meta/field.ts';
import { validateAnnotations } from '../meta/metadata.ts';
import { validateLabels } from '../meta/selectors.ts';
import { validatePodAnnotations } from './pod-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';

/** Source: pkg/apis/core/validation ValidatePodTemplateSpec; the paths without `metadata` are the real ones. */
export function* validatePodTemplate(template: PodTemplateSpec, at: FieldPath): Errors {
  yield* validateLabels(template.metadata?.labels, at('labels'));
  yield* validateAnnotations(template.metadata?.annotations, at('annotations'));
  yield* validatePodAnnotations(template.metadata ?? {}, template.spec, at('annotations'));
  yield* validatePodSpec(template.spec, { metadata: template.metadata ?? {}, isPod: false }, at('spec'));
  if ((template.spec?.ephemeralContainers ?? []).length > 0)
    yield forbidden(at('spec')('ephemeralContainers'), 'ephemeral containers not allowed in pod template');
}
