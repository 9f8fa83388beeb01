import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';
import type { Route } from './plan.ts';

/**
 * Whether the kernel has all of these routes, by what it says in /proc/net/route and /proc/net/ipv6_route: so often as this
 * is asked no program is to be started for it.
 */
export function hasRoutes(wanted: readonly Route[], route4: string, route6: string): boolean {
  if (wanted.length === 0) return true;
  const there = new Set<string>();
  for (const line of route4.split('\n').slice(1)) {
    const [link, to, via, , , , , mask] = line.split('\t');
    if (to !== undefined && via !== undefined && mask !== undefined) there.add(`${to} ${mask} ${via} ${link}`);
  }
  for (const line of route6.split('\n')) {
    const [to, bits, , , via, , , , , link] = line.split(/ +/);
    if (to !== undefined && bits !== undefined) there.add(`${to} ${bits} ${via} ${link}`);
  }
  return wanted.every((route) => there.has(asTold(route)));
}
const NOBODY = { 4: '00000000', 6: '0'.repeat(32) } as const;
/** Of what leads nowhere. Source: linux net/ipv4/fib_trie.c fib_route_seq_show, net/ipv6/route.c rt6_info_route. */
const NOWHERE = { 4: '*', 6: 'lo' } as const;
function asTold({ to, via, link }: Route): string {
  const { family, base, bits } = parseCidr(to)!;
  const gateway = via === undefined ? NOBODY[family] : hex(parseIp(via)!);
  const mask = family === 6 ? hexByte(bits) : hex({ family, value: bits === 0 ? 0n : (0xffffffffn << BigInt(32 - bits)) & 0xffffffffn }); // prettier-ignore
  return `${hex({ family, value: base })} ${mask} ${gateway} ${via === undefined ? NOWHERE[family] : link}`;
}
const hexByte = (n: number): string => n.toString(16).padStart(2, '0');
/** Addresses of IPv4 in the order of the processor's bytes, which is little-endian wherever Node.js runs. */
function hex({ family, value }: { readonly family: 4 | 6; readonly value: bigint }): string {
  if (family === 6) return value.toString(16).padStart(32, '0');
  const bytes = [0n, 8n, 16n, 24n].map((shift) => hexByte(Number((value >> shift) & 255n)));
  return bytes.join('').toUpperCase();
}
