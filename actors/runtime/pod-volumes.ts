import type { ContainerStatus, Pod } from '../../schemas/generated/core-v1.ts';
import { claimsOfPod } from '../../schemas/helpers/volume-binding.ts';
import { isTerminal } from '../../schemas/helpers/pod-resources.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { IndexFunction } from './store.ts';

/** Pods by the `namespace/name` of each claim behind their volumes. */
export const BY_CLAIM = 'claim';
export const byClaim: IndexFunction<KubeObject> = (object) =>
  claimsOfPod(object as Pod).map(({ name }) => `${object.metadata.namespace}/${name}`);

/** Whether nothing of the pod runs or will run: it has ended, or is deleted and none of its containers runs. Source: IsPodTerminated. */
export function isPodDone(pod: Pod): boolean {
  if (isTerminal(pod)) return true;
  if (pod.metadata.deletionTimestamp === undefined) return false;
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].every(isAtRest);
}
const isAtRest = ({ state }: ContainerStatus): boolean =>
  state?.terminated !== undefined || state?.waiting !== undefined;
