import { parseCidr } from '../../../schemas/meta/ip.ts';
import { createPool, type NodeRange } from './pool.ts';

export interface CidrPlan {
  /** One range, or one of each family. */
  readonly ranges: readonly NodeRange[];
  /** Ranges of services: nodes get nothing of these. */
  readonly services?: readonly string[];
}
/** Bits of a node's part, by family. */
export interface NodeMasks {
  readonly ipv4?: number | undefined;
  readonly ipv6?: number | undefined;
}
/**
 * What nodes are given of which ranges: of each a /24, or a /64 of IPv6, unless `masks` says otherwise. Throws on what
 * kube-controller-manager refuses. Source: cmd/kube-controller-manager/app/core.go validateCIDRs, setNodeCIDRMaskSizes.
 */
export function planOf(
  cidrs: readonly string[] = ['10.244.0.0/16'],
  services: readonly string[] = ['10.96.0.0/16'],
  { ipv4, ipv6 }: NodeMasks = {},
): CidrPlan {
  const families = cidrs.map((cidr) => parseCidr(cidr)?.family ?? 4);
  const ranges = cidrs.map((cidr, i) => ({ cidr, nodeMask: families[i] === 4 ? (ipv4 ?? 24) : (ipv6 ?? 64) }));
  for (const range of ranges) createPool(range);
  if (new Set(families).size < cidrs.length) throw new Error('there may be one range, or one of IPv4 and one of IPv6');
  for (const [family, mask] of [[4, ipv4], [6, ipv6]] as const)
    if (mask !== undefined && !families.includes(family)) throw new Error(`there is no range of IPv${family} whose parts could have ${mask} bits`);
  return { ranges, services };
} // prettier-ignore

export type Allocation =
  | { readonly cidrs: readonly string[] }
  /** Index of the range that has nothing left. */
  | { readonly exhausted: number };
/** Who has which part of each range, as the cache shows it and as it was given out since. */
export interface Allocator {
  /** The node has these; the first that lies in no range of ours, if there is one. */
  hold(name: string, cidrs: readonly string[]): string | undefined;
  /** One part of each range for the node, or none; the same again while it holds them. */
  allocate(name: string): Allocation;
  free(name: string): void;
  /** For each range: how many parts it has, and how many are free. */
  readonly pools: readonly { readonly cidr: string; readonly size: number; readonly free: number }[];
}
export function createAllocator({ ranges, services = [] }: CidrPlan): Allocator {
  const pools = ranges.map(createPool);
  for (const cidr of services) for (const pool of pools) pool.hold(cidr);
  const held = new Map<string, readonly string[]>();

  function free(name: string): void {
    held.get(name)?.forEach((cidr, i) => pools[i]?.release(cidr));
    held.delete(name);
  }
  return {
    free,
    get pools() {
      return pools.map(({ size, free: left }, i) => ({ cidr: ranges[i]!.cidr, size, free: left }));
    },
    hold(name, cidrs) {
      const before = held.get(name);
      if (before?.length === cidrs.length && before.every((cidr, i) => cidr === cidrs[i])) return undefined;
      free(name);
      held.set(name, cidrs);
      return cidrs.find((cidr, i) => pools[i]?.hold(cidr) !== true);
    },
    allocate(name) {
      const before = held.get(name);
      if (before) return { cidrs: before };
      const cidrs: string[] = [];
      for (const [i, pool] of pools.entries()) {
        const cidr = pool.take();
        if (cidr === undefined) {
          cidrs.forEach((taken, j) => pools[j]!.release(taken));
          return { exhausted: i };
        }
        cidrs.push(cidr);
      }
      held.set(name, cidrs);
      return { cidrs };
    },
  };
}
