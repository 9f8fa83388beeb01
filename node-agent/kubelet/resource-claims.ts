import { delay, type World } from '../../bus/world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { ResourceClaim } from '../../schemas/generated/resource-v1.ts';
import { ApiError, toStatus } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import { claimNameOf, isFor, isReservedFor } from '../../actors/runtime/pod-claims.ts';
import { pods, resourceClaims } from '../../actors/runtime/resources.ts';

const FIRST_LOOK_MS = 1_000;
const LONGEST_LOOK_MS = 60_000;

/**
 * Resolves when all of the pod's claims of devices are reserved for it, which they are before it is bound, unless somebody
 * gave it its node otherwise; undefined: it has none. There is no driver to prepare them. Source: kubelet cm/dra manager.go
 * prepareResources.
 */
export function claimsReady(
  o: { readonly world: World; readonly client: ApiClient; readonly recorder: EventRecorder },
  pod: Pod,
  signal: AbortSignal,
): Promise<void> | undefined {
  const hasClaims =
    (pod.spec?.resourceClaims?.length ?? 0) > 0 || pod.status?.extendedResourceClaimStatus !== undefined;
  return hasClaims ? ready(o, pod, signal) : undefined;
}
async function ready({ world, client, recorder }: Parameters<typeof claimsReady>[0], first: Pod, signal: AbortSignal): Promise<void> {
  let pod = first;
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(2 * wait, LONGEST_LOOK_MS)) {
    const why = await lacking(client, pod, signal);
    if (why === undefined) return;
    recorder.event(pod, 'Warning', 'FailedPrepareDynamicResources', `Failed to prepare dynamic resources: prepare dynamic resources: ${why}`);
    await delay(world.clock, wait, signal);
    // Which claims are the pod's its status tells, and that may be new.
    pod = await client.get<Pod>(pods, pod.metadata.name!, pod.metadata.namespace, { signal }).catch(() => pod);
    signal.throwIfAborted();
  }
} // prettier-ignore
async function lacking(client: ApiClient, pod: Pod, signal: AbortSignal): Promise<string | undefined> {
  const { name, namespace, uid } = pod.metadata;
  const names = (pod.spec?.resourceClaims ?? []).map((one) => claimNameOf(pod, one));
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  for (const known of extended === undefined ? names : [...names, { name: extended, isGenerated: false }]) {
    if (known === 'notNeeded') continue;
    if (known === 'notYet') return `pod "${namespace}/${name}": ResourceClaim not created yet`;
    let claim: ResourceClaim;
    try {
      claim = await client.get<ResourceClaim>(resourceClaims, known.name, namespace, { signal });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return `fetch ResourceClaim ${known.name}: ${toStatus(error).message ?? ''}`;
    }
    const { uid: claimUid } = claim.metadata;
    if (known.isGenerated && !isFor(pod, claim))
      return `ResourceClaim ${namespace}/${known.name} was not created for Pod ${namespace}/${name} (Pod is not owner)`;
    if (!isReservedFor(pod, claim))
      return `pod ${name} (${uid}) is not allowed to use ResourceClaim ${known.name} (${claimUid})`;
  }
  return undefined;
}
