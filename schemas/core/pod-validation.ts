import type { Errors } from '../define.ts';
import type { Pod, PodSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { validateImageBlanks } from './container-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';

const MIRROR = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/** Source: pkg/apis/core/validation ValidatePodCreate and what updates share with it. */
export function* validatePod({ metadata, spec }: Pod, at: FieldPath): Errors {
  yield* validatePodAnnotations(metadata, spec, at('metadata')('annotations'));
  yield* validatePodSpec(spec, { metadata, isPod: true }, at('spec'));
  const here = at('spec');
  for (const list of ['containers', 'initContainers'] as const)
    for (const [i, container] of (spec?.[list] ?? []).entries()) yield* validateImageBlanks(container, here(list)(i));
  // Only a new pod has no version yet.
  if (metadata.resourceVersion !== undefined) return;
  if ((spec?.ephemeralContainers ?? []).length > 0)
    yield forbidden(here('ephemeralContainers'), 'cannot be set on create');
  if (spec?.nodeName && (spec.schedulingGates ?? []).length > 0)
    yield forbidden(here('nodeName'), 'cannot be set until all schedulingGates have been cleared');
}
/** Annotations that mean something, also of a template. Source: ValidatePodSpecificAnnotations. */
export function* validatePodAnnotations(
  { annotations = {} }: ObjectMeta,
  spec: PodSpec | undefined,
  at: FieldPath,
): Errors {
  const mirror = annotations[MIRROR];
  if (mirror !== undefined && !spec?.nodeName)
    yield invalid(at.key(MIRROR), mirror, 'must set spec.nodeName if mirror pod annotation is set');
  const cost = annotations[DELETION_COST];
  if (cost !== undefined && (!/^(?:0|-?[1-9]\d{0,9})$/.test(cost) || Math.abs(Number(cost)) > 2 ** 31))
    yield invalid(at.key(DELETION_COST), cost, 'must be a 32bit integer');
}
