import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/** Who has which address of the load balancers' ranges. An owner is a Service's uid. */
export interface AddressPool {
  readonly ranges: readonly string[];
  hasFamily(family: 4 | 6): boolean;
  /** The owner has this address, unless another had it first or it is outside the ranges: then false. */
  hold(owner: string, ip: string): boolean;
  free(owner: string): void;
  /** Of this family: the one it has, or a free one; `wanted` or none where that is said. */
  take(owner: string, family: 4 | 6, wanted?: string): { readonly ip: string } | { readonly refusal: string };
  /** What the owner has. */
  of(owner: string): readonly string[];
}
/** The machine's own, on which others listen. */
const OWN = new Set(['127.0.0.1', '127.0.0.53', '127.0.0.54', '::1']);

/**
 * `127.25.43.0/24` of port 6443: a part of the loopback range that no other cluster of this machine has, as none has its
 * port.
 */
export const defaultRange = (port: number): string => `127.${(port >> 8) & 255}.${port & 255}.0/24`;

/** Addresses that lead to whoever asks for them: to a pod its own. */
export const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1';
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15'].map((cidr) => parseCidr(cidr)!); // prettier-ignore
/**
 * Throws where a range is none, or can be no address to listen on. `areRouted`: this machine is made to have whatever
 * addresses they hold, for the pods of its real nodes too.
 */
export function readRanges(ranges: readonly string[], areRouted = false): readonly Cidr[] {
  const cidrs = ranges.map((range) => {
    const cidr = parseCidr(range);
    if (cidr === undefined) throw new Error(`${range} is no range of addresses: give one like 127.50.0.0/24`);
    const isPrivate = PRIVATE.some(({ base, bits }) => cidr.bits >= bits && cidr.base >> BigInt(32 - bits) === base >> BigInt(32 - bits)); // prettier-ignore
    if (cidr.family === 4 && areRouted && !isPrivate && cidr.base >> 24n !== 127n)
      throw new Error(`${range} may be somebody else's: load balancers get private addresses, like 10.90.0.0/24`);
    if (cidr.family === 4 && !areRouted && cidr.base >> 24n !== 127n)
      throw new Error(`${range} is not on this machine alone: load balancers get addresses of 127.0.0.0/8, like 127.50.0.0/24`); // prettier-ignore
    if (cidr.family === 6 && cidr.bits < 128 && cidr.base >> 120n !== 0xfdn)
      throw new Error(`${range} is not of one's own: load balancers get addresses of IPv6 from fd00::/8, if this machine has them`); // prettier-ignore
    return cidr;
  });
  if (new Set(cidrs.map(({ family }) => family)).size < cidrs.length)
    throw new Error('there may be one range of addresses, or one of IPv4 and one of IPv6');
  return cidrs;
}

export function createPool(ranges: readonly string[], areRouted = false): AddressPool {
  const cidrs = readRanges(ranges, areRouted);
  const owners = new Map<string, string>();
  const sizeOf = ({ family, bits }: Cidr): bigint => 1n << BigInt((family === 4 ? 32 : 128) - bits);
  const rangeOf = (ip: string): Cidr | undefined => {
    const parsed = parseIp(ip);
    return cidrs.find((c) => c.family === parsed?.family && parsed.value >= c.base && parsed.value < c.base + sizeOf(c)); // prettier-ignore
  };
  /** First and last name the range itself, where it has more than two. */
  function* addressesOf(cidr: Cidr): Iterable<string> {
    const size = sizeOf(cidr);
    const edge = cidr.family === 4 && size > 2n ? 1n : 0n;
    for (let i = edge; i < size - edge; i++) {
      const ip = formatIp(cidr.family, cidr.base + i);
      if (!OWN.has(ip)) yield ip;
    }
  }
  const of = (owner: string): string[] => [...owners].flatMap(([ip, by]) => (by === owner ? [ip] : []));
  return {
    ranges,
    of,
    hasFamily: (family) => cidrs.some((cidr) => cidr.family === family),
    hold(owner, ip) {
      if (rangeOf(ip) === undefined || (owners.get(ip) ?? owner) !== owner) return false;
      owners.set(ip, owner);
      return true;
    },
    free(owner) {
      for (const ip of of(owner)) owners.delete(ip);
    },
    take(owner, family, wanted) {
      const cidr = cidrs.find((c) => c.family === family);
      if (cidr === undefined) return { refusal: `${ranges.join(', ')} has no address of IPv${family}` };
      const own = of(owner).find((ip) => parseIp(ip)?.family === family);
      if (wanted === undefined || wanted === own) {
        if (own !== undefined) return { ip: own };
        for (const ip of addressesOf(cidr)) {
          if (owners.has(ip)) continue;
          owners.set(ip, owner);
          return { ip };
        }
        return { refusal: `all ${owners.size} addresses of ${ranges.join(', ')} are taken: delete a Service of type LoadBalancer, or start the cluster with a larger --load-balancer-range` }; // prettier-ignore
      }
      const parsed = parseIp(wanted);
      const ip = parsed && formatIp(parsed.family, parsed.value);
      if (ip === undefined || rangeOf(ip) === undefined || OWN.has(ip))
        return { refusal: `spec.loadBalancerIP ${wanted} is not an address of ${ranges.join(', ')}: choose one that is, or leave the choice to the cloud` }; // prettier-ignore
      const holder = owners.get(ip);
      if (holder !== undefined && holder !== owner)
        return { refusal: `spec.loadBalancerIP ${wanted} belongs to another Service: choose another, or leave the choice to the cloud` }; // prettier-ignore
      if (own !== undefined) owners.delete(own);
      owners.set(ip, owner);
      return { ip };
    },
  };
}
