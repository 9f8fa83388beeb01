import { networkInterfaces } from 'node:os';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { parseCidr, parseIp } from '../../schemas/meta/ip.ts';
import { formatIp } from '../../schemas/networking/strict-ip.ts';
import { UserError } from '../cli/output.ts';

/** What --node-ip says. */
export interface NodeAddresses {
  /** None, one, or one of each family, as they are written in full; one may be that of any address of its family. */
  readonly ips: readonly string[];
  /** What of it is no address. */
  readonly ignored: readonly string[];
}
type Ip = NonNullable<ReturnType<typeof parseIp>>;
const WRAPPED = 0xffffn;
/** One of IPv4 may be written as one of IPv6. */
const unwrapped = (ip: Ip): Ip =>
  ip.family === 6 && ip.value >> 32n === WRAPPED ? { family: 4, value: ip.value & 0xffff_ffffn } : ip;
const isUnspecified = ({ value }: Ip): boolean => value === 0n;

/** Pure. Thrown: UserError in upstream's words. Source: component-helpers node/util ParseNodeIPArgument, kubelet app RunKubelet. */
export function parseNodeIPs(text: string): NodeAddresses {
  const bad = (why: string): UserError => new UserError(`bad --node-ip ${goQuote(text)}: ${why}`, 2);
  const parts = text === '' ? [] : text.split(',').map((part) => part.trim());
  const ignored = parts.filter((part) => parseIp(part) === undefined);
  const ips = parts.flatMap((part) => parseIp(part) ?? []).map(unwrapped);
  const [first, second] = ips;
  if (ips.length > 2 || (second !== undefined && first!.family === second.family))
    throw bad('must contain either a single IP or a dual-stack pair of IPs');
  if (second !== undefined && ips.some(isUnspecified)) throw bad("dual-stack node IP cannot include '0.0.0.0' or '::'");
  return { ips: ips.map(({ family, value }) => formatIp(family, value)), ignored };
}

const REFUSED: readonly (readonly [range: string, why: string])[] = [
  ['127.0.0.0/8', "can't be loopback address"],
  ['::1/128', "can't be loopback address"],
  ['224.0.0.0/4', "can't be a multicast address"],
  ['ff00::/8', "can't be a multicast address"],
  ['169.254.0.0/16', "can't be a link-local unicast address"],
  ['fe80::/10', "can't be a link-local unicast address"],
];
/** Whether the node can be at this address of a machine with `own`. Thrown: UserError in upstream's words. Source: kubelet validateNodeIP. */
export function checkNodeIP(ip: string, own: readonly string[] = ownAddresses()): void {
  const { family, value } = parseIp(ip)!;
  const wrong = (why: string): UserError => new UserError(`failed to validate nodeIP: ${why}`);
  for (const [text, why] of REFUSED) {
    const range = parseCidr(text)!;
    const rest = BigInt((family === 4 ? 32 : 128) - range.bits);
    if (range.family === family && value >> rest === range.base >> rest) throw wrong(`nodeIP ${why}`);
  }
  if (!own.some((address) => parseIp(address)?.value === value && parseIp(address)?.family === family))
    throw wrong(`node IP: ${goQuote(ip)} not found in the host's network interfaces`);
}
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((of) => (of ?? []).map(({ address }) => address));
/** Of which any of the family would do; undefined: it is one. */
export const familyOfAny = (ip: string | undefined): 4 | 6 | undefined =>
  ip === undefined ? 4 : ip === '0.0.0.0' ? 4 : ip === '::' ? 6 : undefined;
