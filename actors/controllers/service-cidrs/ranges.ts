import type { ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';

/** Of addresses that API servers gave to Services. */
const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
const ALLOCATOR = 'ipallocator.k8s.io';
export const isAllocated = ({ metadata }: KubeObject): boolean => metadata.labels?.[MANAGED_BY] === ALLOCATOR;

const known = new WeakMap<ServiceCIDR, readonly Cidr[]>();
export function rangesOf(cidr: ServiceCIDR): readonly Cidr[] {
  let ranges = known.get(cidr);
  if (!ranges) known.set(cidr, (ranges = (cidr.spec?.cidrs ?? []).flatMap((text) => parseCidr(text) ?? [])));
  return ranges;
}
const hostBits = ({ family, bits }: Cidr): bigint => BigInt((family === 4 ? 32 : 128) - bits);
const within = (outer: Cidr, { family, base, bits }: Cidr): boolean =>
  outer.family === family && outer.bits <= bits && base >> hostBits(outer) === outer.base >> hostBits(outer);

/** A ServiceCIDR, and how narrow the range is by which it was found. */
export interface Found {
  readonly cidr: ServiceCIDR;
  readonly bits: number;
}
const find = (all: readonly ServiceCIDR[], matches: (range: Cidr) => boolean): readonly Found[] =>
  all.flatMap((cidr) => rangesOf(cidr).filter(matches).map(({ bits }) => ({ cidr, bits }))); // prettier-ignore

/** Those of which the range is a part, or the whole. */
export const containingRange = (all: readonly ServiceCIDR[], range: Cidr): readonly Found[] =>
  find(all, (outer) => within(outer, range));
/** Those that share addresses with any of the ServiceCIDR's ranges. */
export const overlapping = (all: readonly ServiceCIDR[], cidr: ServiceCIDR): readonly ServiceCIDR[] =>
  all.filter((other) => rangesOf(other).some((a) => rangesOf(cidr).some((b) => within(a, b) || within(b, a))));
/** Those that could have given the address: the first of a range is nobody's, nor is the last in IPv4. Source: PrefixContainsIP. */
export function containingAddress(all: readonly ServiceCIDR[], { metadata }: KubeObject): readonly Found[] {
  const ip = parseIp(metadata.name ?? '');
  if (!ip) return [];
  return find(all, (range) => {
    const last = range.base + (1n << hostBits(range)) - 1n;
    if (range.family !== ip.family || ip.value <= range.base || ip.value > last) return false;
    return ip.family === 6 || ip.value < last;
  });
}
