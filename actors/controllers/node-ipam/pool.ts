import { parseCidr, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/** A range of the cluster that is dealt out to nodes in parts. */
export interface NodeRange {
  /** `10.244.0.0/16`, `fd00:10:244::/48`. */
  readonly cidr: string;
  /** Bits of a node's part: 24, 64. */
  readonly nodeMask: number;
}
/** Source: cidrset clusterSubnetMaxDiff, which upstream asks of IPv6 alone: of IPv4 there are at most 2^24 parts. */
const MOST_BITS = { 4: 24, 6: 16 } as const;
const widthOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** Which parts of a range are taken; a part is free again when all who held it have let it go. */
export interface Pool {
  readonly size: number;
  readonly free: number;
  /** Marks what the range of addresses touches; false: it lies outside, or is none. */
  hold(cidr: string): boolean;
  release(cidr: string): void;
  /** The first free part after the one that was taken last, held from now on; undefined: there is none. */
  take(): string | undefined;
}

/** Throws on a range that makes no sense. Source: pkg/controller/nodeipam/ipam/cidrset. */
export function createPool({ cidr, nodeMask }: NodeRange): Pool {
  const range = parseCidr(cidr);
  if (range === undefined) throw new Error(`${cidr} is no range of addresses, such as 10.244.0.0/16 or fd00:10:244::/48`);
  const { family, base, bits } = range;
  if (nodeMask < bits) throw new Error(`mask size of cluster CIDR ${cidr} must be less than or equal to the ${nodeMask} bits of a node's`);
  if (nodeMask > widthOf(family) || nodeMask - bits > MOST_BITS[family]) throw new Error(`New CIDR set failed; the node CIDR size is too big: /${nodeMask} in ${cidr}`);
  const size = 2 ** (nodeMask - bits);
  const shift = BigInt(widthOf(family) - nodeMask);
  /** How many hold each part. */
  const held = new Map<number, number>();
  let next = 0;

  /** First and last part that it touches. */
  function partsOf(text: string): readonly [number, number] | undefined {
    const other = parseCidr(text);
    if (other === undefined || !overlap(range!, other)) return undefined;
    if (other.bits <= bits) return [0, size - 1];
    const last = other.base + (1n << BigInt(widthOf(family) - other.bits)) - 1n;
    return [Number((other.base - base) >> shift), Number((last - base) >> shift)];
  }
  function add(first: number, last: number, by: 1 | -1): void {
    for (let i = first; i <= last; i++) {
      const count = (held.get(i) ?? 0) + by;
      if (count > 0) held.set(i, count);
      else held.delete(i);
    }
  }
  return {
    size,
    get free() {
      return size - held.size;
    },
    hold(text) {
      const parts = partsOf(text);
      if (parts) add(...parts, 1);
      return parts !== undefined;
    },
    release(text) {
      const parts = partsOf(text);
      if (parts) add(...parts, -1);
    },
    take() {
      if (held.size >= size) return undefined;
      while (held.has(next)) next = (next + 1) % size;
      const index = next;
      held.set(index, 1);
      next = (next + 1) % size;
      return `${formatIp(family, base + (BigInt(index) << shift))}/${nodeMask}`;
    },
  };
} // prettier-ignore
function overlap(a: Cidr, b: Cidr): boolean {
  if (a.family !== b.family) return false;
  const shift = BigInt(widthOf(a.family) - Math.min(a.bits, b.bits));
  return a.base >> shift === b.base >> shift;
}
