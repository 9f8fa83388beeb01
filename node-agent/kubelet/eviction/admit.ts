import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { qosClass } from '../../../schemas/helpers/pod-resources.ts';
import { untoleratedTaint } from '../../../schemas/helpers/tolerations.ts';
import { isCritical } from '../../cgroups/limits.ts';
import type { Refusal } from '../admission.ts';
import type { Condition } from './thresholds.ts';

/** Why a node under pressure does not take a pod; undefined: it does. Pure. Source: kubelet eviction managerImpl.Admit. */
export function refusedUnder(conditions: ReadonlySet<Condition>, pod: Pod): Refusal | undefined {
  if (conditions.size === 0 || isCritical(pod)) return undefined;
  if (conditions.size === 1 && conditions.has('MemoryPressure')) {
    if (qosClass(pod) !== 'BestEffort') return undefined;
    const taint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' as const };
    if (untoleratedTaint([taint], pod.spec?.tolerations, 'NoSchedule') === undefined) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${[...conditions].join(' ')}]. ` };
}
