import type { Errors } from '../define.ts';
import type { PodSpec, PodTemplateSpec } from '../generated/core-v1.ts';
import { forbidden, type FieldPath } from '../meta/field.ts';
import { validateAnnotations } from '../meta/metadata.ts';
import { validateLabels } from '../meta/selectors.ts';
import { validatePodAnnotations } from './pod-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { validateProfilesMatch } from './profile-annotations.ts';

const EMPTY: PodSpec = { containers: [] };

/**
 * Source: pkg/apis/core/validation ValidatePodTemplateSpec; the paths without `metadata` are the real ones. `old`: of an
 * update, since some of what was let through once may stay.
 */
export function* validatePodTemplate(template: PodTemplateSpec, at: FieldPath, old?: PodTemplateSpec): Errors {
  const { metadata = {}, spec = EMPTY } = template;
  yield* validateLabels(metadata.labels, at('labels'));
  yield* validateAnnotations(metadata.annotations, at('annotations'));
  yield* validatePodAnnotations(metadata, spec, at('annotations'), old?.metadata);
  yield* validatePodSpec(spec, { metadata, isPod: false, old: old?.spec }, at('spec'));
  yield* validateProfilesMatch(metadata.annotations ?? {}, spec, at('spec'));
  if ((spec.ephemeralContainers ?? []).length > 0)
    yield forbidden(at('spec')('ephemeralContainers'), 'ephemeral containers not allowed in pod template');
}
