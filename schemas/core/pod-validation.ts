import type { Errors } from '../define.ts';
import type { Pod, PodSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { validateImageBlanks } from './container-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { validateProfileAnnotations, validateProfilesMatch } from './profile-annotations.ts';

export const MIRROR = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/** Source: pkg/apis/core/validation ValidatePodCreate and, with `old`, what updates share with it. */
export function* validatePod({ metadata, spec }: Pod, at: FieldPath, old?: Pod): Errors {
  yield* validatePodAnnotations(metadata, spec, at('metadata')('annotations'), old?.metadata);
  yield* validatePodSpec(spec, { metadata, isPod: true, old: old?.spec }, at('spec'));
  const here = at('spec');
  yield* validateTokens(spec, here);
  for (const list of ['containers', 'initContainers'] as const)
    for (const [i, container] of (spec?.[list] ?? []).entries()) yield* validateImageBlanks(container, here(list)(i));
  if (old !== undefined) return;
  if ((spec?.ephemeralContainers ?? []).length > 0)
    yield forbidden(here('ephemeralContainers'), 'cannot be set on create');
  if (spec?.nodeName && (spec.schedulingGates ?? []).length > 0)
    yield forbidden(here('nodeName'), 'cannot be set until all schedulingGates have been cleared');
  if (spec) yield* validateProfilesMatch(metadata.annotations ?? {}, spec, here);
}
function* validateTokens(spec: PodSpec | undefined, at: FieldPath): Errors {
  if (spec?.serviceAccountName) return;
  for (const [i, { projected }] of (spec?.volumes ?? []).entries())
    for (const [n, { serviceAccountToken }] of (projected?.sources ?? []).entries())
      if (serviceAccountToken)
        yield forbidden(
          at('volumes')(i)('projected')('sources')(n)('serviceAccountToken'),
          'must not be specified when serviceAccountName is not set',
        );
}
/** Annotations that mean something, also of a template. Source: ValidatePodSpecificAnnotations. */
export function* validatePodAnnotations(
  { annotations = {} }: ObjectMeta,
  spec: PodSpec | undefined,
  at: FieldPath,
  old?: ObjectMeta,
): Errors {
  const mirror = annotations[MIRROR];
  if (mirror !== undefined && !spec?.nodeName)
    yield invalid(at.key(MIRROR), mirror, 'must set spec.nodeName if mirror pod annotation is set');
  const cost = annotations[DELETION_COST];
  // What an old pod has it may keep.
  if (cost !== undefined && !isCost(cost) && isCost(old?.annotations?.[DELETION_COST] ?? '0'))
    yield invalid(at.key(DELETION_COST), cost, 'must be a 32bit integer');
  yield* validateProfileAnnotations(annotations, spec, at);
}
const isCost = (text: string): boolean =>
  /^(?:0|-\d+|[1-9]\d*)$/.test(text) && Number(text) < 2 ** 31 && Number(text) >= -(2 ** 31);
