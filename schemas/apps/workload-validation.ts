import { validatePodTemplate } from '../core/pod-template-validation.ts';
import type { Errors } from '../define.ts';
import type { PodTemplateSpec } from '../generated/core-v1.ts';
import type { LabelSelector } from '../generated/meta-v1.ts';
import { immutable, nonNegative } from '../meta/field-checks.ts';
import { fieldPath, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { dnsLabel } from '../meta/names.ts';
import { nothing, selectorFromObject, validateLabelSelector, type Selector } from '../meta/selectors.ts';

/** Of kinds whose pods are named after them. Source: the strategies' WarningsOnCreate. */
export function podNameWarnings({ name = '' }: { readonly name?: string | undefined }): string[] {
  const problems = dnsLabel(name);
  if (problems.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
  ];
}
interface Selecting {
  readonly selector?: LabelSelector | null | undefined;
}
/** A selector that cannot be read selects nothing; validateLabelSelector has said why. */
export function selectorOrNothing(selector: LabelSelector | null | undefined): Selector | undefined {
  if (!selector) return nothing;
  const isReadable = validateLabelSelector(selector, fieldPath()).next().done === true;
  return isReadable ? selectorFromObject(selector) : undefined;
}
/** Required, well-formed, not empty. `kind` as the message names it. */
export function* validateRequiredSelector({ selector }: Selecting, kind: string, at: FieldPath): Errors {
  if (!selector) {
    yield required(at);
    return;
  }
  yield* validateLabelSelector(selector, at);
  if (isEmpty(selector)) yield invalid(at, selector, `empty selector is invalid for ${kind}`);
}
export const isEmpty = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;

/** Source: pkg/apis/apps/validation ValidatePodTemplateSpecForReplicaSet; also of Deployments. */
export function* validateReplicaTemplate(
  template: PodTemplateSpec | undefined,
  selector: Selector,
  at: FieldPath,
): Errors {
  if (!template) {
    yield required(at);
    return;
  }
  const labels = template.metadata?.labels;
  if (!selector.empty && !selector.matches(labels))
    yield invalid(at('metadata')('labels'), labels, '`selector` does not match template `labels`');
  yield* validatePodTemplate(template, at);
  yield* validateLongRunning(template, 'ReplicaSet', at);
}
/** What pods that are kept running may not say. */
export function* validateLongRunning(template: PodTemplateSpec, kind: string, at: FieldPath): Errors {
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  if (restartPolicy !== 'Always') yield notSupported(at('spec')('restartPolicy'), restartPolicy ?? '', ['Always']);
  if (activeDeadlineSeconds !== undefined)
    yield forbidden(at('spec')('activeDeadlineSeconds'), `activeDeadlineSeconds in ${kind} is not Supported`);
}
/** `validateUpdate` of kinds whose selector never changes. */
export function* immutableSelector(
  object: { spec?: Selecting | undefined },
  old: { spec?: Selecting | undefined },
  at: FieldPath,
): Errors {
  // prettier-ignore
  yield* immutable(object.spec?.selector, old.spec?.selector, at('spec')('selector'));
}
/** Inside, how far an update may go is a number even where it is not said. */
export const withZeroes = <T extends { readonly rollingUpdate?: object | undefined }>(strategy: T): T =>
  strategy.rollingUpdate === undefined
    ? strategy
    : { ...strategy, rollingUpdate: { maxUnavailable: 0, maxSurge: 0, ...strategy.rollingUpdate } };
type Counters = { readonly [field: string]: unknown };
const count = (status: Counters, field: string): number => (status[field] as number | undefined) ?? 0;

/** Counters of a status: none negative; `limited` none above status.replicas, available none above ready. */
export function* validateCounters(
  status: Counters,
  fields: readonly string[],
  limited: readonly string[],
  readyName: string,
  at: FieldPath,
): Errors {
  for (const field of fields) yield* nonNegative(count(status, field), at(field));
  for (const field of limited)
    if (count(status, field) > count(status, 'replicas'))
      yield invalid(at(field), count(status, field), 'cannot be greater than status.replicas');
  if (limited.length > 0 && count(status, 'availableReplicas') > count(status, 'readyReplicas'))
    yield invalid(at('availableReplicas'), count(status, 'availableReplicas'), `cannot be greater than ${readyName}`);
}
export function* neverDecremented(value: number | undefined, old: number | undefined, at: FieldPath): Errors {
  if (old !== undefined && (value ?? 0) < old) yield invalid(at, value ?? 0, 'cannot be decremented');
}
