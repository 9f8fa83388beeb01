import type { Affinity, NodeSelectorTerm, PodSpec } from '../generated/core-v1.ts';
import type { FieldPath } from '../meta/field.ts';
import { labelValue } from '../meta/names.ts';
import { own } from '../meta/own.ts';

/** Labels of nodes that got other names. Source: pkg/api/node util.go. */
const RENAMED: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';
const NULL_SELECTOR = 'a null labelSelector results in matching no pod';

/** Of selectors on nodes. */
export function* nodeLabelWarnings(spec: PodSpec, at: FieldPath): Generator<string> {
  for (const key of Object.keys(spec.nodeSelector ?? {}))
    if (own(RENAMED, key)) yield `${String(at('nodeSelector').key(key))}: ${RENAMED[key]}`;
  const affinity = spec.affinity?.nodeAffinity;
  const here = at('affinity')('nodeAffinity');
  for (const [i, term] of (affinity?.[REQUIRED]?.nodeSelectorTerms ?? []).entries())
    yield* ofTerm(term, false, here(REQUIRED)('nodeSelectorTerms')(i));
  for (const [i, { preference }] of (affinity?.[PREFERRED] ?? []).entries())
    yield* ofTerm(preference ?? {}, true, here(PREFERRED)(i)('preference'));
  for (const [i, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const constraint = at('topologySpreadConstraints')(i);
    if (own(RENAMED, topologyKey))
      yield `${String(constraint('topologyKey'))}: ${topologyKey} is ${RENAMED[topologyKey]}`;
    if (!labelSelector) yield `${String(constraint('labelSelector'))}: ${NULL_SELECTOR}`;
  }
}
function* ofTerm({ matchExpressions = [] }: NodeSelectorTerm, values: boolean, at: FieldPath): Generator<string> {
  for (const [i, { key, values: given = [] }] of matchExpressions.entries()) {
    const here = at('matchExpressions')(i);
    if (own(RENAMED, key)) yield `${String(here('key'))}: ${key} is ${RENAMED[key]}`;
    if (!values) continue;
    for (const [n, value] of given.entries())
      for (const why of labelValue(value)) yield `${String(here('values')(n))}: ${value} is ${why}`;
  }
}
/** Of terms on other pods. */
export function* affinityWarnings(affinity: Affinity | undefined, at: FieldPath): Generator<string> {
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    for (const [i, term] of (affinity?.[field]?.[REQUIRED] ?? []).entries())
      if (!term.labelSelector) yield `${String(at(field)(REQUIRED)(i)('labelSelector'))}: ${NULL_SELECTOR}`;
    for (const [i, { podAffinityTerm: term }] of (affinity?.[field]?.[PREFERRED] ?? []).entries())
      if (!term?.labelSelector)
        yield `${String(at(field)(PREFERRED)(i)('podAffinityTerm')('labelSelector'))}: ${NULL_SELECTOR}`;
  }
}
