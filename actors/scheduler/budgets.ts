import type { PodDisruptionBudget } from '../../schemas/generated/policy-v1.ts';
import { compileSelector } from '../../schemas/helpers/label-match.ts';
import type { Budget } from './preemption.ts';

/** What a disruption budget allows, as preemption reads it: pods whose disruption is under way are none of its own any more. */
export function budgetOf(pdb: PodDisruptionBudget): Budget {
  const { matchLabels = {}, matchExpressions = [] } = pdb.spec?.selector ?? {};
  // One that selects all selects none here. Source: filterPodsWithPDBViolation.
  const isEmpty = Object.keys(matchLabels).length + matchExpressions.length === 0;
  const selects = isEmpty ? () => false : compileSelector(pdb.spec?.selector);
  const disrupted = pdb.status?.disruptedPods ?? {};
  return {
    namespace: pdb.metadata.namespace ?? '',
    selects: (pod) => disrupted[pod.name] === undefined && pod.labels !== undefined && selects(pod.labels),
    allowed: pdb.status?.disruptionsAllowed ?? 0,
  };
}
