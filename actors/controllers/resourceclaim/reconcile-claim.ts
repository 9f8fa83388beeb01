import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceClaimConsumerReference } from '../../../schemas/generated/resource-v1.ts';
import { needsNoClaims, podOf } from '../../runtime/pod-claims.ts';

export const FINALIZER = 'resource.kubernetes.io/delete-protection';

export interface ObservedClaim {
  readonly claim: ResourceClaim;
  /** The pod of that name that there is now; of one that the cache does not know, the API's word. */
  readonly consumer: (reference: ResourceClaimConsumerReference) => Pod | undefined;
  /** As the cache knows it. */
  readonly owner: (name: string) => Pod | undefined;
}
/** What is done with a claim, in this order; each step but the last makes a new version of it. */
export interface ClaimPlan {
  /** Consumers that are left, if some are not. */
  readonly release?: readonly ResourceClaimConsumerReference[];
  /** Nobody uses it any more: whoever is next may have it anywhere. */
  readonly deallocates: boolean;
  /** Lets it go, if it is being deleted; the scheduler protects it again when it allocates it. */
  readonly unprotects: boolean;
  /** It was made for a pod that will not need it. */
  readonly deletes: boolean;
}
export const isPodReference = ({ apiGroup = '', resource }: ResourceClaimConsumerReference): boolean => apiGroup === '' && resource === 'pods'; // prettier-ignore

/**
 * A claim is released by pods that are gone, replaced or over; the last to go gives the devices back. Consumers that are no
 * pods are nobody's we know, and stay. Source: pkg/controller/resourceclaim syncClaim.
 */
export function reconcileClaim({ claim, consumer, owner }: ObservedClaim): ClaimPlan {
  const { metadata, status } = claim;
  const before = status?.reservedFor ?? [];
  const remaining = before.filter((reference) => {
    if (!isPodReference(reference)) return true;
    const pod = consumer(reference);
    return pod !== undefined && pod.metadata.uid === reference.uid && !needsNoClaims(pod);
  });
  const isProtected = metadata.finalizers?.includes(FINALIZER) ?? false;
  const isReleased = remaining.length < before.length;
  const isUnused = remaining.length === 0;
  const isAllocated = status?.allocation !== undefined;
  // One that is allocated and was never reserved is not "no longer used", unless it is to go.
  const lets = isProtected && isUnused && (isReleased || metadata.deletionTimestamp !== undefined);
  return {
    ...(isReleased && { release: remaining }),
    deallocates: lets && isAllocated,
    unprotects: lets,
    deletes: isUnused && metadata.deletionTimestamp === undefined && isForNobody(claim, owner),
  };
}
/** One whose pod the cache does not know is left to the garbage collector: the pod may only be new. */
function isForNobody(claim: ResourceClaim, owner: ObservedClaim['owner']): boolean {
  const made = podOf(claim);
  const pod = made && owner(made.name);
  return pod !== undefined && (pod.metadata.uid !== made?.uid || needsNoClaims(pod));
}

/** As it is without those who are gone, and without its devices. */
export function released(claim: ResourceClaim, { release, deallocates }: ClaimPlan): ResourceClaim {
  const { allocation, reservedFor, ...rest } = claim.status ?? {};
  const consumers = release ?? reservedFor ?? [];
  const status = { ...rest, ...(allocation && !deallocates && { allocation }), ...(consumers.length > 0 && { reservedFor: [...consumers] }) }; // prettier-ignore
  return { ...claim, status };
}
export const unprotected = (claim: ResourceClaim): ResourceClaim => ({
  ...claim,
  metadata: { ...claim.metadata, finalizers: claim.metadata.finalizers?.filter((name) => name !== FINALIZER) },
});
