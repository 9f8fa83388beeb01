import type { Errors } from '../define.ts';
import type { Affinity, NodeAffinity, NodeSelectorTerm, PodSpec } from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { invalid, type FieldPath } from '../meta/field.ts';
import { own } from '../meta/own.ts';
import { sameStruct } from '../structural/semantic-equal.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const CORE = 'io.k8s.api.core.v1';

/** A pod that is held back may have its placement narrowed; `rest` then looks as before. Source: ValidatePodUpdate. */
export function* validateGated(rest: PodSpec, before: PodSpec, at: FieldPath): Errors {
  if (!equal(rest.nodeSelector, before.nodeSelector)) {
    if (Object.entries(before.nodeSelector ?? {}).some(([key, value]) => own(rest.nodeSelector, key) !== value))
      yield invalid(
        at('nodeSelector'),
        rest.nodeSelector,
        'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      );
    if (before.nodeSelector) rest.nodeSelector = before.nodeSelector;
    else delete rest.nodeSelector;
  }
  const now = rest.affinity?.nodeAffinity;
  const old = before.affinity?.nodeAffinity;
  if ((now === undefined) === (old === undefined) && sameStruct(now, old, `${CORE}.NodeAffinity`)) return;
  yield* validateNarrowed(now, old, at('affinity')('nodeAffinity'));
  const { nodeAffinity: _, ...others } = rest.affinity ?? {};
  const affinity: Affinity = { ...others, ...(old && { nodeAffinity: old }) };
  if (!before.affinity && !others.podAffinity && !others.podAntiAffinity) delete rest.affinity;
  else rest.affinity = affinity;
}
function* validateNarrowed(now: NodeAffinity | undefined, old: NodeAffinity | undefined, at: FieldPath): Errors {
  const terms = old?.[REQUIRED]?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return;
  const given = now?.[REQUIRED]?.nodeSelectorTerms;
  const next = given ?? [];
  const here = at(REQUIRED)('nodeSelectorTerms');
  const shown = (term: NodeSelectorTerm): unknown => goStruct(term, `${CORE}.NodeSelectorTerm`);
  if (next.length !== terms.length) {
    yield invalid(here, given?.map(shown), 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
    return;
  }
  for (const [i, term] of terms.entries())
    if (!onlyAdds(next[i]!, term))
      yield invalid(here(i), shown(next[i]!), 'only additions are allowed (no mutations or deletions)');
}
function onlyAdds(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const [expressions, fields] = [old.matchExpressions ?? [], old.matchFields ?? []];
  const [more, moreFields] = [now.matchExpressions ?? [], now.matchFields ?? []];
  if (expressions.length + fields.length === 0 && more.length + moreFields.length > 0) return false;
  return equal(more.slice(0, expressions.length), expressions) && equal(moreFields.slice(0, fields.length), fields);
}
