import type { Pod } from '../../schemas/generated/core-v1.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { Intent } from './intent.ts';
import { podCondition } from './pods.ts';
import { pods } from './resources.ts';

export interface Disruption {
  /** What the pod's DisruptionTarget condition will say; undefined: nothing. */
  readonly because?: { readonly reason: string; readonly message: string } | undefined;
  /** No kubelet will: the pod is failed, so that who counts it counts it right, and goes without grace. */
  readonly isLost?: boolean;
}
/**
 * Deletes a pod that its owner did not ask to be rid of, once its status says why. Source: pkg/controller/tainteviction
 * addConditionAndDeletePod, pkg/controller/podgc markFailedAndDeletePodWithCondition.
 */
export function disrupt(pod: Pod, { because, isLost = false }: Disruption, now: number): readonly Intent[] {
  const { namespace, name, uid, generation } = pod.metadata;
  const target = { gvr: pods, namespace, name: name! } as const;
  const observed = generation !== undefined && { observedGeneration: generation };
  const old = podCondition(pod, 'DisruptionTarget');
  const isSaid = old?.status === 'True' && old.reason === because?.reason && old?.message === because?.message;
  const at = old?.status === 'True' && old.lastTransitionTime ? old.lastTransitionTime : formatTime(now);
  const condition = { type: 'DisruptionTarget', status: 'True', ...because, ...observed, lastTransitionTime: at };
  const status = {
    ...(isLost && { phase: 'Failed', ...observed }),
    ...(because && !isSaid && { '$setElementOrder/conditions': orderOf(pod), conditions: [condition] }),
  };
  const patch = { metadata: { uid }, status };
  return [
    ...(Object.keys(status).length === 0 ? [] : [{ op: 'patch', ...target, type: 'strategic', patch, subresource: 'status', tolerate: ['NotFound'] } as const]),
    { op: 'delete', ...target, uid, ...(isLost && { gracePeriodSeconds: 0 }) },
  ]; // prettier-ignore
}
/** It comes last, as where a client computes the patch. */
function orderOf({ status }: Pod): { readonly type: string }[] {
  const types = (status?.conditions ?? []).map(({ type }) => type).filter((type) => type !== 'DisruptionTarget');
  return [...types, 'DisruptionTarget'].map((type) => ({ type }));
}
