import type { Fence } from '../../../../bus/protocol/api.ts';
import type { World } from '../../../../bus/world.ts';
import type { Pod, PodExtendedResourceClaimStatus } from '../../../../schemas/generated/core-v1.ts';
import type { AllocationResult, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { ApiError, reasonOf, toStatus } from '../../../../schemas/meta/status.ts';
import { formatTime } from '../../../../schemas/meta/time.ts';
import type { ApiClient } from '../../../runtime/api-client.ts';
import { pods, resourceClaims } from '../../../runtime/resources.ts';
import { claimName } from './allocator/soundness.ts';

/** Source: resource/v1 Finalizer. */
const FINALIZER = 'resource.kubernetes.io/delete-protection';
/** Source: client-go util/retry DefaultRetry. */
const TRIES = 5;
const PAUSE_MS = 10;

/** What the scheduler does to claims in the API. Rejections say what was being done, and have what the API said as cause. */
export class ClaimWrites {
  readonly #world: World;
  readonly #client: ApiClient;
  readonly #fence: () => Fence | undefined;

  constructor(world: World, client: ApiClient, fence: () => Fence | undefined) {
    this.#world = world;
    this.#client = client;
    this.#fence = fence;
  }
  /**
   * Reserves a claim for the pod, and with `allocation` allocates it, which must not have happened yet: one update of its
   * status, and one before where it is not protected from deletion. Source: plugins/dynamicresources bindClaim.
   */
  async reserve(first: ResourceClaim, pod: Pod, allocation: AllocationResult | undefined, signal: AbortSignal): Promise<ResourceClaim> {
    const name = claimName(first);
    const options = (): { readonly signal: AbortSignal; readonly fence: Fence | undefined } => ({ signal, fence: this.#fence() });
    const consumer = { resource: 'pods', name: pod.metadata.name!, uid: pod.metadata.uid! };
    return this.#againstConflicts(first, signal, `get updated claim ${name} after conflict`, async (known) => {
      let claim = known;
      if (claim.metadata.deletionTimestamp) throw new Error(`claim ${name} got deleted in the meantime`);
      if (allocation !== undefined && claim.status?.allocation) throw new Error(`claim ${name} got allocated elsewhere in the meantime`);
      const finalizers = claim.metadata.finalizers ?? [];
      if (allocation !== undefined && !finalizers.includes(FINALIZER)) {
        const kept = { ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, FINALIZER] } };
        claim = await telling(`add finalizer to claim ${name}`, this.#client.update(resourceClaims, kept, options()));
      }
      const given = allocation ?? claim.status?.allocation;
      if (given === undefined) throw new Error(`claim ${name} got deallocated elsewhere in the meantime`);
      const status = {
        ...claim.status,
        allocation: { ...given, allocationTimestamp: given.allocationTimestamp ?? formatTime(this.#world.clock.now()) },
        reservedFor: [...(claim.status?.reservedFor ?? []), consumer],
      };
      const doing = allocation ? `add allocation and reservation to claim ${name}` : `add reservation to claim ${name}`;
      return telling(doing, this.#client.update(resourceClaims, { ...claim, status }, { ...options(), subresource: 'status' }));
    });
  } // prettier-ignore
  /** Makes the claim of a pod's resources. */
  create(claim: ResourceClaim, signal: AbortSignal): Promise<ResourceClaim> {
    const name = `${claim.metadata.namespace}/`;
    return telling(
      `create claim for extended resources ${name}`,
      this.#client.create(resourceClaims, claim, { signal, fence: this.#fence() }),
    );
  }
  /** Tells in the pod's status which claim its resources come from. */
  async mention({ metadata: { name, namespace, uid } }: Pod, extendedResourceClaimStatus: PodExtendedResourceClaimStatus, signal: AbortSignal): Promise<void> {
    const patch = { metadata: { uid }, status: { extendedResourceClaimStatus } };
    const options = { subresource: 'status', signal, fence: this.#fence() };
    await telling(`update pod ${namespace}/${name} ExtendedResourceClaimStatus`, this.#client.patch(pods, name!, namespace, 'strategic', patch, options));
  } // prettier-ignore
  /** The pod does not need the claim for now; that it may be allocated all the same is its next scheduler's gain. */
  async unreserve({ metadata }: ResourceClaim, pod: Pod): Promise<void> {
    const patch = {
      metadata: { uid: metadata.uid },
      status: { reservedFor: [{ $patch: 'delete', uid: pod.metadata.uid }] },
    };
    const options = { subresource: 'status', fence: this.#fence() };
    await this.#client.patch(resourceClaims, metadata.name!, metadata.namespace, 'strategic', patch, options);
  }
  async deallocate(claim: ResourceClaim): Promise<void> {
    const { status: _, ...rest } = claim;
    await this.#client.update(resourceClaims, { ...rest, status: {} }, { subresource: 'status', fence: this.#fence() });
  }
  async discard(claim: ResourceClaim): Promise<void> {
    const { namespace, name, uid } = claim.metadata;
    await this.#againstConflicts(claim, undefined, `get resourceclaim ${claimName(claim)}`, (known) => {
      const finalizers = known.metadata.finalizers?.filter((one) => one !== FINALIZER);
      return this.#client.update(
        resourceClaims,
        { ...known, metadata: { ...known.metadata, finalizers } },
        { fence: this.#fence() },
      );
    });
    await this.#client.delete(resourceClaims, name!, namespace, { preconditions: { uid: uid! }, fence: this.#fence() });
  }
  /** Begins with what the cache knows, and goes on with what the API has. */
  async #againstConflicts(first: ResourceClaim, signal: AbortSignal | undefined, refreshing: string, write: (claim: ResourceClaim) => Promise<ResourceClaim>): Promise<ResourceClaim> {
    const { name, namespace, uid } = first.metadata;
    let claim = first;
    for (let left = TRIES; ; left--) {
      try {
        return await write(claim);
      } catch (error) {
        if (left === 1 || reasonOf((error as Error).cause ?? error) !== 'Conflict') throw error;
      }
      await new Promise((resolve) => void this.#world.clock.setTimeout(() => resolve(undefined), PAUSE_MS));
      signal?.throwIfAborted();
      claim = await telling(refreshing, this.#client.get<ResourceClaim>(resourceClaims, name!, namespace, { signal }));
      // Another of the same name is none that was chosen for.
      if (claim.metadata.uid !== uid) throw new Error(`claim ${claimName(first)} got deleted in the meantime`);
    }
  } // prettier-ignore
}
async function telling<T>(doing: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new Error(`${doing}: ${toStatus(error).message ?? ''}`, { cause: error });
  }
}
