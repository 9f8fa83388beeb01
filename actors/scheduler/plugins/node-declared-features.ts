import type { PodSpec } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'NodeDeclaredFeatures';
const UNKNOWN_THERE = rejection(NAME, "node(s) didn't match Pod's required features");

/**
 * A pod that needs what not every kubelet can do goes where the kubelet says that it can. Source: scheduler
 * plugins/nodedeclaredfeatures.
 */
export const nodeDeclaredFeatures = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod }) => {
    const needed = featuresOf(pod.pod.spec);
    if (needed.length === 0) return 'skip';
    return {
      filter: ({ node }) =>
        needed.every((feature) => node?.status?.declaredFeatures?.includes(feature) === true)
          ? undefined
          : UNKNOWN_THERE,
    };
  },
  hint: (event) =>
    event.type === 'node.added' ||
    (event.type === 'node.updated' &&
      !equal(event.old.status?.declaredFeatures, event.node.node.status?.declaredFeatures)),
});
/** Source: component-helpers nodedeclaredfeatures InferForScheduling of each feature. */
function featuresOf(spec: PodSpec | undefined): readonly string[] {
  const needed: string[] = [];
  if (spec === undefined) return needed;
  const restartsAll = (containers: PodSpec['initContainers']): boolean =>
    containers?.some((c) => c.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers')) ?? false;
  if (restartsAll(spec.containers) || restartsAll(spec.initContainers))
    needed.push('RestartAllContainersOnContainerExits');
  if (spec.hostNetwork === true && spec.hostUsers === false) needed.push('UserNamespacesHostNetworkSupport');
  return needed;
}
