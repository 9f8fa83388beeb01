import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/**
 * By which a node that is only said to have an address of IPv4 is a neighbour for IPv6 too: all nodes know it of all others
 * without being told. `10.99.0.1` is `fd6b:7562:7573::a63:1`.
 */
export const sixOf = (ip: string): string => formatIp(6, (0xfd6b_7562_7573n << 80n) | parseIp(ip)!.value);
/** Bits of the range in which all of these are. */
export const SIX_BITS = 96;
/** Of a range of IPv4: `10.90.0.0/24` is `fd6b:7562:7573::a5a:0/120`. */
export function sixRangeOf(cidr: string): string {
  const { base, bits } = parseCidr(cidr)!;
  return `${sixOf(formatIp(4, base))}/${SIX_BITS + bits}`;
}
