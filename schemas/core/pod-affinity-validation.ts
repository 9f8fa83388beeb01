import type { Errors } from '../define.ts';
import type { Affinity, PodAffinityTerm, TopologySpreadConstraint } from '../generated/core-v1.ts';
import type { LabelSelector } from '../generated/meta-v1.ts';
import { positive } from '../meta/field-checks.ts';
import { duplicate, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { nameIsLabel, qualifiedName } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';
import { validateNodeSelector, validateNodeSelectorTerm } from './node-affinity-validation.ts';
import { own } from '../meta/own.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

/** Source: pkg/apis/core/validation validateAffinity. */
export function* validateAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, at: FieldPath): Errors {
  if (nodeAffinity) {
    const here = at('nodeAffinity');
    if (nodeAffinity[REQUIRED]) yield* validateNodeSelector(nodeAffinity[REQUIRED], here(REQUIRED));
    for (const [i, { weight, preference }] of (nodeAffinity[PREFERRED] ?? []).entries()) {
      yield* validateWeight(weight, here(PREFERRED)(i)('weight'));
      yield* validateNodeSelectorTerm(preference ?? {}, here(PREFERRED)(i)('preference'), false);
    }
  }
  for (const [field, affinity] of [
    ['podAffinity', podAffinity],
    ['podAntiAffinity', podAntiAffinity],
  ] as const) {
    if (!affinity) continue;
    const here = at(field);
    for (const [i, term] of (affinity[REQUIRED] ?? []).entries()) yield* validateTerm(term, here(REQUIRED)(i));
    for (const [i, { weight, podAffinityTerm }] of (affinity[PREFERRED] ?? []).entries()) {
      yield* validateWeight(weight, here(PREFERRED)(i)('weight'));
      yield* validateTerm(podAffinityTerm ?? { topologyKey: '' }, here(PREFERRED)(i)('podAffinityTerm'));
    }
  }
}
function* validateWeight(weight: number, at: FieldPath): Errors {
  if (weight <= 0 || weight > 100) yield invalid(at, weight, 'must be in the range 1-100');
}
function* validateTerm(term: PodAffinityTerm, at: FieldPath): Errors {
  yield* validateLabelSelector(term.labelSelector, at('labelSelector'));
  yield* validateLabelSelector(term.namespaceSelector, at('namespaceSelector'));
  for (const name of term.namespaces ?? [])
    for (const why of nameIsLabel(name, false)) yield invalid(at('namespace'), name, why);
  yield* validateLabelKeys(term.matchLabelKeys ?? [], term.mismatchLabelKeys ?? [], term.labelSelector, at);
  if (term.topologyKey === '') yield required(at('topologyKey'), 'can not be empty');
  for (const why of qualifiedName(term.topologyKey)) yield invalid(at('topologyKey'), term.topologyKey, why);
}
/** Source: ValidateMatchLabelKeysAndMismatchLabelKeys. */
function* validateLabelKeys(
  match: readonly string[],
  mismatch: readonly string[],
  selector: LabelSelector | undefined,
  at: FieldPath,
): Errors {
  for (const [field, keys] of [
    ['matchLabelKeys', match],
    ['mismatchLabelKeys', mismatch],
  ] as const) {
    if (keys.length === 0) continue;
    if (!selector) yield forbidden(at(field), 'must not be specified when labelSelector is not set');
    else
      for (const [i, key] of keys.entries())
        for (const why of qualifiedName(key)) yield invalid(at(field)(i), key, why);
  }
  // The keys have become requirements by now: one that was there before is there twice.
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    if (match.includes(key) && seen.has(key))
      yield invalid(at(match.lastIndexOf(key)), key, 'exists in both matchLabelKeys and labelSelector');
    seen.add(key);
  }
  for (const [i, key] of match.entries())
    if (mismatch.includes(key))
      yield invalid(at('matchLabelKeys')(i), key, 'exists in both matchLabelKeys and mismatchLabelKeys');
}
/**
 * The label keys of a term become requirements on the pod's own values, so that the scheduler need not know of them.
 * Source: pkg/registry/core/pod strategy.go mutatePodAffinity, mutateTopologySpreadConstraints.
 */
export function mergeLabelKeys(
  term: {
    labelSelector?: LabelSelector | undefined;
    matchLabelKeys?: string[] | undefined;
    mismatchLabelKeys?: string[] | undefined;
  },
  labels: Readonly<Record<string, string>>,
): void {
  if (!term.labelSelector) return;
  for (const [keys, operator] of [
    [term.matchLabelKeys, 'In'],
    [term.mismatchLabelKeys, 'NotIn'],
  ] as const)
    for (const key of keys ?? []) {
      const value = own(labels, key);
      if (value === undefined) continue;
      (term.labelSelector.matchExpressions ??= []).push({ key, operator, values: [value] });
    }
}
/** All terms on other pods, required and preferred. */
export const affinityTerms = (affinity: Affinity | undefined): PodAffinityTerm[] =>
  [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((a) => [
    ...(a?.[REQUIRED] ?? []),
    ...(a?.[PREFERRED] ?? []).map((p) => p.podAffinityTerm),
  ]);
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const POLICIES = ['Honor', 'Ignore'];
/** Source: validateTopologySpreadConstraints. */
export function* validateSpread(constraints: readonly TopologySpreadConstraint[], at: FieldPath): Errors {
  for (const [i, c] of constraints.entries()) {
    const here = at(i);
    yield* positive(c.maxSkew, here('maxSkew'));
    if (c.topologyKey === '') yield required(here('topologyKey'), 'can not be empty');
    if (!ACTIONS.includes(c.whenUnsatisfiable))
      yield notSupported(here('whenUnsatisfiable'), c.whenUnsatisfiable, ACTIONS);
    if (
      constraints
        .slice(i + 1)
        .some((o) => o.topologyKey === c.topologyKey && o.whenUnsatisfiable === c.whenUnsatisfiable)
    )
      yield duplicate(here('{topologyKey, whenUnsatisfiable}'), `{${c.topologyKey}, ${c.whenUnsatisfiable}}`);
    if (c.minDomains !== undefined) {
      yield* positive(c.minDomains, here('minDomains'));
      if (c.whenUnsatisfiable !== 'DoNotSchedule')
        yield invalid(
          here('minDomains'),
          c.minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${c.whenUnsatisfiable}`,
        );
    }
    for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
      const policy = c[field];
      if (policy !== undefined && !POLICIES.includes(policy)) yield notSupported(here(field), policy, POLICIES);
    }
    yield* validateLabelKeys(c.matchLabelKeys ?? [], [], c.labelSelector, here);
    yield* validateLabelSelector(c.labelSelector, here('labelSelector'));
  }
}
