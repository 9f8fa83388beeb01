import type { PodDisruptionBudget } from '../../schemas/generated/policy-v1.ts';
import { compileSelector } from '../../schemas/helpers/label-match.ts';
import type { Budget } from './preemption.ts';

/** What a disruption budget allows, as preemption reads it: pods whose disruption is under way are none of its own any more. */
export function budgetOf(pdb: PodDisruptionBudget): Budget {
  const selects = compileSelector(pdb.spec?.selector);
  const disrupted = pdb.status?.disruptedPods ?? {};
  return {
    namespace: pdb.metadata.namespace ?? '',
    selects: (pod) => disrupted[pod.name] === undefined && pod.labels !== undefined && selects(pod.labels),
    allowed: pdb.status?.disruptionsAllowed ?? 0,
  };
}
