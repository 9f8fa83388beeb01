import type { Commands } from '../../host/commands.ts';
import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';

/** A link of the node's network namespace. */
export interface Link {
  readonly name: string;
  readonly mtu: number;
  /** `10.89.0.2/24` */
  readonly addresses: readonly string[];
}
interface IpAddress {
  readonly ifname?: string;
  readonly mtu?: number;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}
/** All but loopback. Rejects with CommandError. */
export async function readLinks(commands: Commands, signal: AbortSignal): Promise<Link[]> {
  const text = await commands.must('ip', ['-j', 'address', 'show'], { signal });
  return (JSON.parse(text || '[]') as readonly IpAddress[]).flatMap(({ ifname, mtu, flags, addr_info: told }) => {
    if (ifname === undefined || mtu === undefined || flags?.includes('LOOPBACK')) return [];
    const addresses = (told ?? []).flatMap(({ local, prefixlen }) => local === undefined || prefixlen === undefined ? [] : [`${local}/${prefixlen}`]); // prettier-ignore
    return addresses.length === 0 ? [] : [{ name: ifname, mtu, addresses }];
  });
}

/** The link on which this address is a neighbour. */
export function linkTo(links: readonly Link[], ip: string): Link | undefined {
  const wanted = parseIp(ip);
  if (wanted === undefined) return undefined;
  return links.find(({ addresses }) =>
    addresses.some((address) => {
      const range = parseCidr(address);
      if (range === undefined || range.family !== wanted.family) return false;
      const shift = BigInt((range.family === 4 ? 32 : 128) - range.bits);
      return wanted.value >> shift === range.base >> shift && wanted.value !== range.address;
    }),
  );
}
/** The link that has this address. */
export const linkOf = (links: readonly Link[], ip: string): Link | undefined => {
  const wanted = parseIp(ip);
  return links.find(({ addresses }) =>
    addresses.some((address) => {
      const own = parseCidr(address);
      return own !== undefined && own.family === wanted?.family && own.address === wanted.value;
    }),
  );
};
