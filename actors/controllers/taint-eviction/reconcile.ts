import type { Pod, Taint, Toleration } from '../../../schemas/generated/core-v1.ts';
import { tolerates } from '../../../schemas/helpers/tolerations.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { disrupt } from '../../runtime/pod-disruption.ts';
import { podCondition } from '../../runtime/pods.ts';
import { timeOf } from '../../runtime/time.ts';

/** What a pod may still have of its node's patience. */
export interface Pending {
  readonly uid: string | undefined;
  /** Since when it is counted, ms. */
  readonly since: number;
  /** When the pod is evicted, ms. */
  readonly due: number;
}
export interface Observed {
  readonly pod: Pod;
  /** Of its node, with effect NoExecute. */
  readonly taints: readonly Taint[];
  /** Decided for this pod when it was looked at last. */
  readonly pending?: Pending | undefined;
}
export interface Plan extends Decision {
  /** To be remembered: until it is evicted, should that fail, if there is nothing to wait for. */
  readonly pending?: Pending | undefined;
}
export const noExecute = (taints: readonly Taint[] | undefined): Taint[] =>
  taints?.filter((t) => t.effect === 'NoExecute') ?? [];

/**
 * Evicts a pod from a node whose NoExecute taints it does not tolerate, or no longer: the shortest of the tolerations'
 * seconds counts, from when the first taint came, or the pod after it. A taint that takes the place of another (unreachable
 * that of not-ready) does not begin to count anew, and nothing puts an eviction off that is under way.
 *
 * Unlike upstream, which counts in memory, a restart goes on by the taint's `timeAdded`, and a taint that comes later and
 * is tolerated for less makes the eviction sooner. Source: pkg/controller/tainteviction.
 */
export function reconcile({ pod, taints, pending }: Observed, now: number): Plan {
  const before = pending?.uid === pod.metadata.uid ? pending : undefined;
  const canceled = before === undefined ? [] : [cancel(pod)];
  if (pod.metadata.deletionTimestamp || taints.length === 0) return { intents: canceled };
  const used = taints.map((taint) => pod.spec?.tolerations?.find((t) => tolerates(t, taint)));
  if (!used.every((t) => t !== undefined)) return { intents: [...canceled, ...evict(pod, now)] };
  const seconds = patience(used);
  if (seconds === undefined) return { intents: canceled };
  const since = before?.since ?? firstOf(pod, taints, used, now);
  const due = Math.min(before?.due ?? Infinity, since + seconds * 1_000);
  const next: Pending = { uid: pod.metadata.uid, since, due };
  if (due <= now) return { intents: evict(pod, now), pending: next };
  return { intents: [], requeueAfterMs: due - now, pending: next };
}
/** Seconds; undefined: for ever. Source: getMinTolerationTime. */
function patience(used: readonly Toleration[]): number | undefined {
  const limits = used.flatMap((t) => (t.tolerationSeconds === undefined ? [] : [Math.max(0, t.tolerationSeconds)]));
  return limits.length === 0 ? undefined : Math.min(...limits);
}
/** When the first taint came that is not tolerated for ever, or the pod to its node if that was later. */
function firstOf(pod: Pod, taints: readonly Taint[], used: readonly Toleration[], now: number): number {
  const came = taints.flatMap((t, i) => (used[i]!.tolerationSeconds === undefined ? [] : [timeOf(t.timeAdded) ?? now]));
  const bound = podCondition(pod, 'PodScheduled');
  const arrived = (bound?.status === 'True' ? timeOf(bound.lastTransitionTime) : undefined) ?? timeOf(pod.metadata.creationTimestamp) ?? now; // prettier-ignore
  const at = Math.max(arrived, Math.min(...came));
  // Times of objects are whole seconds, rounded down: what has just come has its full time.
  return now - at < 1_000 ? now : at;
}
const evict = (pod: Pod, now: number): readonly Intent[] => [
  told(pod, 'Marking for deletion'),
  ...disrupt(pod, { because: { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' } }, now),
]; // prettier-ignore
export const cancel = (pod: Pod): Intent => told(pod, 'Cancelling deletion of');
function told(pod: Pod, what: 'Marking for deletion' | 'Cancelling deletion of'): Intent {
  const { namespace, name } = pod.metadata;
  return { op: 'event', type: 'Normal', regarding: pod, reason: 'TaintManagerEviction', message: `${what} Pod ${namespace}/${name}` }; // prettier-ignore
}
