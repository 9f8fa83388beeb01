import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';

/** Names of the claims that a pod's volumes may be: those it names, and those made for it. */
export const claimsOf = (pod: Pod): string[] =>
  (pod.spec?.volumes ?? []).flatMap((volume) =>
    volume.persistentVolumeClaim !== undefined
      ? [volume.persistentVolumeClaim.claimName]
      : volume.ephemeral !== undefined
        ? [`${pod.metadata.name}-${volume.name}`]
        : [],
  );

/**
 * Whether the pod keeps the claim from going: one without a node does not, since no kubelet starts a pod whose claim is
 * being deleted. A pod that waits for nothing but its own finalizers does not keep what was made for it, which may be what
 * these wait for. Source: pkg/controller/volume/pvcprotection podUsesPVCForDeletion.
 */
export function keeps(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const isShutDown = pod.metadata.deletionTimestamp !== undefined && pod.metadata.deletionGracePeriodSeconds === 0;
  const isForPod = metadata.ownerReferences?.some((o) => o.controller === true && o.uid === pod.metadata.uid) ?? false;
  return (pod.spec.volumes ?? []).some(
    ({ name, persistentVolumeClaim, ephemeral }) =>
      persistentVolumeClaim?.claimName === metadata.name ||
      (!isShutDown && ephemeral !== undefined && isForPod && `${pod.metadata.name}-${name}` === metadata.name),
  );
}
