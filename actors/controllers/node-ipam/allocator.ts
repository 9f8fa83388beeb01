import { parseCidr } from '../../../schemas/meta/ip.ts';
import { createPool, type NodeRange } from './pool.ts';

export interface CidrPlan {
  /** One range, or one of each family. */
  readonly ranges: readonly NodeRange[];
  /** Ranges of services: nodes get nothing of these. */
  readonly services?: readonly string[];
}
/** Source: cmd/kube-controller-manager/app/core.go defaultNodeMaskCIDRIPv4, defaultNodeMaskCIDRIPv6. */
const NODE_MASK = { 4: 24, 6: 64 } as const;

/**
 * The plan of `--cluster-cidr`; throws on what kube-controller-manager refuses. Source: cmd/kube-controller-manager/app/core.go
 * validateCIDRs, setNodeCIDRMaskSizes.
 */
export function planOf(
  cidrs: readonly string[] = ['10.244.0.0/16'],
  services: readonly string[] = ['10.96.0.0/16'],
): CidrPlan {
  const ranges = cidrs.map((cidr) => {
    const family = parseCidr(cidr)?.family ?? 4;
    return { cidr, nodeMask: NODE_MASK[family] };
  });
  for (const range of ranges) createPool(range);
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)!.family));
  if (cidrs.length > 2) throw new Error(`length of clusterCIDRs is:${cidrs.length} more than max allowed of 2`);
  if (cidrs.length > 1 && families.size < 2) throw new Error(`len of ClusterCIDRs==${cidrs.length} and they are not configured as dual stack (at least one from each IPFamily`); // prettier-ignore
  return { ranges, services };
}

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
