import type { Pod, Taint, Toleration } from '../../../schemas/generated/core-v1.ts';
import { tolerates } from '../../../schemas/helpers/tolerations.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { pods } from '../../runtime/resources.ts';
import { timeOf } from '../../runtime/time.ts';

export interface Observed {
  readonly pod: Pod;
  /** Of its node, with effect NoExecute. */
  readonly taints: readonly Taint[];
}
/**
 * Evicts a pod from a node whose NoExecute taints it does not tolerate, or no longer: the shortest of the tolerations'
 * seconds counts, from when the taint came, or the pod after it, so that a restart does not begin to count anew.
 * Source: pkg/controller/tainteviction.
 */
export function evict({ pod, taints }: Observed, now: number): Decision {
  if (pod.metadata.deletionTimestamp || taints.length === 0) return { intents: [] };
  const used: Toleration[] = [];
  for (const taint of taints) {
    const matching = pod.spec?.tolerations?.find((t) => tolerates(t, taint));
    if (!matching) return { intents: remove(pod, now) };
    used.push(matching);
  }
  const seconds = used.flatMap((t) => (t.tolerationSeconds === undefined ? [] : [Math.max(0, t.tolerationSeconds)]));
  if (seconds.length === 0) return { intents: [] };
  const born = timeOf(pod.metadata.creationTimestamp) ?? now;
  const since = Math.max(born, Math.min(...taints.map((t) => timeOf(t.timeAdded) ?? now)));
  const due = since + Math.min(...seconds) * 1_000;
  return due <= now ? { intents: remove(pod, now) } : { intents: [], requeueAfterMs: due - now };
}
function remove(pod: Pod, now: number): readonly Intent[] {
  const { namespace, name, uid } = pod.metadata;
  const target = { gvr: pods, namespace, name: name! } as const;
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint', lastTransitionTime: formatTime(now) }; // prettier-ignore
  const patch = { metadata: { uid }, status: { conditions: [condition] } };
  return [
    { op: 'event', type: 'Normal', regarding: pod, reason: 'TaintManagerEviction', message: `Marking for deletion Pod ${namespace}/${name}` },
    { op: 'patch', ...target, type: 'strategic', patch, subresource: 'status', tolerate: ['NotFound', 'Conflict'] },
    { op: 'delete', ...target, uid },
  ]; // prettier-ignore
}
export const noExecute = (taints: readonly Taint[] | undefined): Taint[] => taints?.filter((t) => t.effect === 'NoExecute') ?? []; // prettier-ignore
