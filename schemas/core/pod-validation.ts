import type { Errors } from '../define.ts';
import { JsonSyntaxError, parseJson } from '../codec/json.ts';
import type { Pod, PodSpec, Toleration } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { validateImageBlanks } from './container-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { validateTolerations } from './tolerations-validation.ts';
import { validateProfileAnnotations, validateProfilesMatch } from './profile-annotations.ts';

export const MIRROR = 'kubernetes.io/config.mirror';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
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
  yield* validateAnnotatedTolerations(annotations[TOLERATIONS] ?? '', at);
  const cost = annotations[DELETION_COST];
  // What an old pod has it may keep.
  if (cost !== undefined && !isCost(cost) && isCost(old?.annotations?.[DELETION_COST] ?? '0'))
    yield invalid(at.key(DELETION_COST), cost, 'must be a 32bit integer');
  yield* validateProfileAnnotations(annotations, spec, at);
}
/** From before tolerations were a field. Source: ValidateTolerationsInPodAnnotations. */
function* validateAnnotatedTolerations(text: string, at: FieldPath): Errors {
  if (text === '') return;
  let value: unknown;
  try {
    ({ value } = parseJson(text));
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    yield invalid(at, TOLERATIONS, error.message);
    return;
  }
  if (!Array.isArray(value)) return;
  yield* validateTolerations(value.map(tolerationOf), at(TOLERATIONS));
}
/** Go reads the keys of its own structs in any case. */
function tolerationOf(item: unknown): Toleration {
  const given = Object.entries((item ?? {}) as Record<string, unknown>).map(([k, v]) => [k.toLowerCase(), v] as const);
  const text = (key: string): string => String(given.find(([k]) => k === key)?.[1] ?? '');
  const seconds = given.find(([k]) => k === 'tolerationseconds')?.[1];
  return {
    key: text('key'),
    operator: text('operator') as Toleration['operator'],
    value: text('value'),
    effect: text('effect') as Toleration['effect'],
    ...(typeof seconds === 'number' && { tolerationSeconds: seconds }),
  };
}
const isCost = (text: string): boolean =>
  /^(?:0|-\d+|[1-9]\d*)$/.test(text) && Number(text) < 2 ** 31 && Number(text) >= -(2 ** 31);
