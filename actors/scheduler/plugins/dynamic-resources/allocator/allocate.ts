import type { AllocationResult, ResourceClaim } from '../../../../../schemas/generated/resource-v1.ts';
import type { NodeIdentity } from '../../../../../schemas/helpers/node-affinity.ts';
import { CounterBalance, CounterBook } from './counters.ts';
import type { Surroundings } from './devices.ts';
import { gatherPools, type Slices } from './pools.ts';
import { resultOf } from './result.ts';
import { Search } from './search.ts';

export type Allocation =
  | { readonly allocations: readonly AllocationResult[] }
  /** The node cannot serve the claims; other nodes may. */
  | { readonly reason: string };

/** Finds devices for claims on one node after the other, as things stand at one moment. */
export interface Allocator {
  /** One result for each claim, in their order. Throws Unsound and SearchTimeout. */
  allocate(node: NodeIdentity, claims: readonly ResourceClaim[]): Allocation;
}
/** Pure but for what `around` brings. Source: dynamic-resource-allocation/structured Allocator. */
export function allocator(slices: Slices, around: Surroundings): Allocator {
  const balance = new CounterBalance(around.allocated);
  return {
    allocate(node, claims) {
      const pools = gatherPools(slices, node);
      const search = new Search(node, claims, pools, around, new CounterBook(balance));
      if (!search.run())
        return {
          reason: pools.some(({ isInvalid }) => isInvalid)
            ? 'invalid resource pools were encountered'
            : 'cannot allocate all claims',
        };
      return { allocations: claims.map((claim, i) => resultOf(claim, search.chosen[i]!, node.name, around)) };
    },
  };
}
