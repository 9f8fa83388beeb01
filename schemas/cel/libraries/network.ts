import { goQuote } from '../../meta/go-quote.ts';
import { CelError, CelOpaque, noSuchOverload, type CelValue } from '../values.ts';
import { parseAddress, type Address } from './ip-address.ts';
import { isA, isString, overload, type CelLibrary } from './kinds.ts';

/** An IP address. */
export class CelIp extends CelOpaque {
  override readonly typeName = 'net.IP';
  override readonly size: number;
  readonly address: Address;
  constructor(address: Address) {
    super();
    this.address = address;
    this.size = address.bits / 8;
  }
  equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelIp)) return noSuchOverload();
    return this.address.bits === other.address.bits && this.address.value === other.address.value;
  }
}
/** A network: an address and how many of its bits name the network. */
export class CelCidr extends CelOpaque {
  override readonly typeName = 'net.CIDR';
  override readonly size: number;
  readonly address: Address;
  readonly bits: number;
  constructor(address: Address, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
    this.size = Math.ceil(bits / 8);
  }
  equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelCidr)) return noSuchOverload();
    const { address } = other;
    return this.bits === other.bits && this.address.bits === address.bits && this.address.value === address.value;
  }
}
const isIp = isA(CelIp);
const isCidr = isA(CelCidr);

function parseIp(text: string): CelIp | CelError {
  const found = parseAddress(text);
  if (typeof found === 'string')
    return new CelError(`IP Address ${goQuote(text)} parse error during conversion from string: ParseAddr(${goQuote(text)}): ${found}`); // prettier-ignore
  if (found.zone) return new CelError(`IP address ${goQuote(text)} with zone value is not allowed`);
  if (isMapped(found)) return new CelError(`IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`);
  return new CelIp(found);
}
const isMapped = ({ bits, value }: Address): boolean => bits === 128 && value >> 32n === 0xffffn;
/** Source: Go net/netip ParsePrefix. */
function prefixOf(text: string): CelCidr | string {
  const slash = text.lastIndexOf('/');
  const bad = (why: string): string => `network address parse error during conversion from string: netip.ParsePrefix(${goQuote(text)}): ${why}`; // prettier-ignore
  if (slash < 0) return bad("no '/'");
  const address = parseAddress(text.slice(0, slash));
  if (typeof address === 'string') return bad(`ParseAddr(${goQuote(text.slice(0, slash))}): ${address}`);
  if (address.zone) return bad('IPv6 zones cannot be present in a prefix');
  const length = text.slice(slash + 1);
  if (length.length > 1 && !/^[1-9]/.test(length)) return bad(`bad bits after slash: ${goQuote(length)}`);
  if (!/^[+-]?\d+$/.test(length)) return bad(`bad bits after slash: ${goQuote(length)}`);
  if (Number(length) > address.bits) return bad('prefix length out of range');
  if (isMapped(address)) return `IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`;
  return new CelCidr(address, Number(length));
}
function parseCidr(text: string): CelCidr | CelError {
  const found = prefixOf(text);
  return typeof found === 'string'
    ? new CelError(`network address parse error during conversion from string: ${found}`)
    : found;
}
/** The bits of an address that name a network of so many bits. */
const network = ({ value, bits: all }: Address, bits: number): bigint => value >> BigInt(all - bits);
const holds = ({ address, bits }: CelCidr, other: Address, atLeast: number): boolean =>
  address.bits === other.bits && bits <= atLeast && network(address, bits) === network(other, bits);

/** The groups of an address, as text of it. Source: Go net/netip String. */
export function addressText({ value, bits }: Address): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === '0') end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  if (start < 0) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}
const ask = (id: string, asks: (value: bigint, is4: boolean) => boolean) => [
  overload(id, [isIp], ({ address }: CelIp) => asks(address.value, address.bits === 32)),
]; // prettier-ignore
const isMulticast = (value: bigint, is4: boolean): boolean => is4 ? value >> 28n === 0xen : value >> 120n === 0xffn; // prettier-ignore
const isLoopback = (value: bigint, is4: boolean): boolean => (is4 ? value >> 24n === 127n : value === 1n);
const isLinkLocal = (value: bigint, is4: boolean): boolean =>
  is4 ? value >> 16n === 0xa9fen : value >> 118n === 0x3fan; // fe80::/10
const BROADCAST = 0xffffffffn;

/** Source: apiserver pkg/cel/library/ip.go, cidr.go. */
export const addresses: CelLibrary = {
  ip: [
    overload('string_to_ip', [isString], parseIp),
    overload('cidr_ip', [isCidr], ({ address }: CelCidr) => new CelIp(address)),
  ],
  family: [overload('ip_family', [isIp], ({ address }: CelIp) => (address.bits === 32 ? 4n : 6n))],
  'ip.isCanonical': [
    overload('ip_is_canonical', [isString], (text: string) => {
      const found = parseIp(text);
      return found instanceof CelError ? found : addressText(found.address) === text;
    }),
  ],
  isUnspecified: ask('ip_is_unspecified', (value) => value === 0n),
  isLoopback: ask('ip_is_loopback', isLoopback),
  isLinkLocalMulticast: ask('ip_is_link_local_multicast', (value, is4) =>
    is4 ? value >> 8n === 0xe00000n : (value >> 112n & 0xff0fn) === 0xff02n),
  isLinkLocalUnicast: ask('ip_is_link_local_unicast', isLinkLocal),
  isGlobalUnicast: ask('ip_is_global_unicast', (value, is4) =>
    !(is4 && value === BROADCAST) && value !== 0n && !isLoopback(value, is4) && !isMulticast(value, is4) && !isLinkLocal(value, is4)),
  isIP: [overload('is_ip', [isString], (text: string) => parseIp(text) instanceof CelIp)],
  string: [
    overload('ip_to_string', [isIp], ({ address }: CelIp) => addressText(address)),
    overload('cidr_to_string', [isCidr], ({ address, bits }: CelCidr) => `${addressText(address)}/${bits}`),
  ],
  cidr: [overload('string_to_cidr', [isString], parseCidr)],
  containsIP: [
    overload('cidr_contains_ip_string', [isCidr, isString], (cidr: CelCidr, text: string) => {
      const ip = parseIp(text);
      // As the real one: what is no address is told as a call that no overload fits.
      return ip instanceof CelError ? noSuchOverload() : holds(cidr, ip.address, ip.address.bits);
    }),
    overload('cidr_contains_ip_ip', [isCidr, isIp], (cidr: CelCidr, ip: CelIp) => holds(cidr, ip.address, ip.address.bits)),
  ],
  containsCIDR: [
    overload('cidr_contains_cidr_string', [isCidr, isString], (cidr: CelCidr, text: string) => {
      const other = parseCidr(text);
      return other instanceof CelError ? other : holds(cidr, other.address, other.bits);
    }),
    overload('cidr_contains_cidr', [isCidr, isCidr], (cidr: CelCidr, other: CelCidr) => holds(cidr, other.address, other.bits)),
  ],
  prefixLength: [overload('cidr_prefix_length', [isCidr], ({ bits }: CelCidr) => BigInt(bits))],
  isCIDR: [overload('is_cidr', [isString], (text: string) => parseCidr(text) instanceof CelCidr)],
  masked: [
    overload('cidr_masked', [isCidr], ({ address, bits }: CelCidr) => {
      const host = BigInt(address.bits - bits);
      return new CelCidr({ ...address, value: (address.value >> host) << host }, bits);
    }),
  ],
}; // prettier-ignore
