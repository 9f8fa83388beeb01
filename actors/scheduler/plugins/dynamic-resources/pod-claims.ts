import type { Pod } from '../../../../schemas/generated/core-v1.ts';
import type { DeviceClass, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { claimNameOf, isFor } from '../../../runtime/pod-claims.ts';
import { alternatives } from './allocator/requests.ts';
import { claimName } from './allocator/soundness.ts';

/** The claims that a pod names, in its order; or why the pod has to wait for them. Source: foreachPodResourceClaim. */
export function claimsOf(
  pod: Pod,
  claimAt: (key: string) => ResourceClaim | undefined,
): readonly ResourceClaim[] | { readonly reason: string } {
  const { namespace, name: own } = pod.metadata;
  const claims: ResourceClaim[] = [];
  for (const one of pod.spec?.resourceClaims ?? []) {
    const known = claimNameOf(pod, one);
    if (known === 'notNeeded') continue;
    if (known === 'notYet') return { reason: `pod "${namespace}/${own}": ResourceClaim not created yet` };
    const claim = claimAt(`${namespace}/${known.name}`);
    if (claim === undefined) return { reason: `could not find ResourceClaim "${namespace}/${known.name}"` };
    if (claim.metadata.deletionTimestamp !== undefined)
      return { reason: `resourceclaim "${known.name}" is being deleted` };
    if (known.isGenerated && !isFor(pod, claim))
      return { reason: `ResourceClaim ${claimName(claim)} was not created for Pod ${namespace}/${own} (Pod is not owner)` }; // prettier-ignore
    claims.push(claim);
  }
  return claims;
}
/** Why no node can have the claim's devices; undefined: some may. Source: PreFilter validateDeviceClass. */
export function problemOf(
  claim: ResourceClaim,
  deviceClass: (name: string) => DeviceClass | undefined,
): string | undefined {
  for (const request of claim.spec.devices?.requests ?? []) {
    if (request.exactly === undefined && !request.firstAvailable?.length)
      return `resource claim ${claimName(claim)}, request ${request.name}: unknown request type`;
    for (const { name, deviceClassName } of alternatives(request))
      if (deviceClass(deviceClassName) === undefined)
        return `request ${name}: device class ${deviceClassName} does not exist`;
  }
  return undefined;
}
