import type { Pod, PodResourceClaim } from '../../schemas/generated/core-v1.ts';
import type { ResourceClaim } from '../../schemas/generated/resource-v1.ts';
import type { OwnerReference } from '../../schemas/meta/object.ts';
import { controllerOf } from './owners.ts';
import { isPodTerminal } from './pods.ts';

/** Which ResourceClaim stands for one of a pod's `resourceClaims`. */
export type ClaimName =
  /** `isGenerated`: the claim must be the pod's own, see `isFor`. */
  | { readonly name: string; readonly isGenerated: boolean }
  /** One is made of a template, and is not made yet. */
  | 'notYet'
  /** It was decided that the pod needs none. */
  | 'notNeeded';

/** Source: dynamic-resource-allocation/resourceclaim Name. */
export function claimNameOf({ status }: Pod, claim: PodResourceClaim): ClaimName {
  if (claim.resourceClaimName !== undefined) return { name: claim.resourceClaimName, isGenerated: false };
  const made = status?.resourceClaimStatuses?.find(({ name }) => name === claim.name);
  if (made === undefined) return 'notYet';
  return made.resourceClaimName === undefined ? 'notNeeded' : { name: made.resourceClaimName, isGenerated: true };
}
/** The pod that a claim was made for, if it was made for one. Source: pkg/controller/resourceclaim owningPod. */
export function podOf(claim: ResourceClaim): OwnerReference | undefined {
  const owner = controllerOf(claim);
  return owner?.kind === 'Pod' && owner.apiVersion === 'v1' ? owner : undefined;
}
/** Source: dynamic-resource-allocation/resourceclaim IsForPod, without groups of pods, which are off by default. */
export const isFor = (pod: Pod, claim: ResourceClaim): boolean =>
  claim.metadata.namespace === pod.metadata.namespace && controllerOf(claim)?.uid === pod.metadata.uid;
export const isReservedFor = (pod: Pod, { status }: ResourceClaim): boolean =>
  status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid) ?? false;
/** None of its containers runs or ever will, so that it needs no devices. Source: pkg/controller/resourceclaim isPodDone. */
export const needsNoClaims = (pod: Pod): boolean =>
  isPodTerminal(pod) || (pod.metadata.deletionTimestamp !== undefined && !pod.spec?.nodeName);
