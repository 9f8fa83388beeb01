import type { FieldError, FieldPath } from './field.ts';
import { invalid } from './field.ts';

type Errors = Generator<FieldError, void, undefined>;

/** The address as a number with its family; undefined when it is none. Leading zeros in IPv4 parts are ignored, as Kubernetes does for old fields. */
export function parseIp(text: string): { readonly family: 4 | 6; readonly value: bigint } | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  return parseIpv6(text);
}
function parseIpv4(text: string): { family: 4; value: bigint } | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((p) => /^\d{1,}$/.test(p) && Number(p) <= 255)) return undefined;
  return { family: 4, value: parts.reduce((sum, p) => sum * 256n + BigInt(Number(p)), 0n) };
}
function parseIpv6(text: string): { family: 6; value: bigint } | undefined {
  let rest = text;
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const v4 = parseIpv4(tail[2]!);
    if (v4 === undefined) return undefined;
    rest = `${tail[1]}${(v4.value >> 16n).toString(16)}:${(v4.value & 0xffffn).toString(16)}`;
  }
  const halves = rest.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((h) => (h === '' ? [] : h.split(':')));
  const count = groups.reduce((n, g) => n + g.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  const all = [...groups[0]!, ...Array.from({ length: 8 - count }, () => '0'), ...(groups[1] ?? [])];
  if (!all.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return { family: 6, value: all.reduce((sum, g) => sum * 65536n + BigInt(`0x${g}`), 0n) };
}
export const isIpv6 = (text: string): boolean => text.includes(':') && parseIp(text) !== undefined;

export interface Cidr {
  readonly family: 4 | 6;
  /** First address of the range. */
  readonly base: bigint;
  readonly address: bigint;
  readonly bits: number;
}
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0 || !/^\d{1,3}$/.test(text.slice(slash + 1))) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const bits = Number(text.slice(slash + 1));
  const size = ip?.family === 4 ? 32 : 128;
  if (ip === undefined || bits > size) return undefined;
  const host = BigInt(size - bits);
  return { family: ip.family, base: (ip.value >> host) << host, address: ip.value, bits };
}
const NOT_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** Of fields from before strict addresses. Source: apimachinery pkg/util/validation/ip.go IsValidIPForLegacyField. */
export function* validateIp(text: string, at: FieldPath): Errors {
  if (parseIp(text) === undefined) yield invalid(at, text, NOT_IP);
  else yield* validateStrict(text, at);
}
function* validateStrict(text: string, at: FieldPath): Errors {
  const v4 = text.slice(text.lastIndexOf(':') + 1);
  if (v4.includes('.') && v4.split('.').some((p) => /^0\d/.test(p)))
    yield invalid(at, text, 'must not have leading 0s');
  else if (text.includes(':') && parseIp(text)!.value >> 32n === 0xffffn)
    yield invalid(at, text, 'must not be an IPv4-mapped IPv6 address');
}
export function* validateCidr(text: string, at: FieldPath): Errors {
  const cidr = parseCidr(text);
  if (cidr === undefined) yield invalid(at, text, NOT_CIDR);
  else if (/(?:^|\.)0\d/.test(text.split('/')[0]!) || /\/0\d/.test(text))
    yield invalid(at, text, 'must not have leading 0s in IP or prefix length');
  else if (cidr.family === 6 && cidr.address >> 32n === 0xffffn)
    yield invalid(at, text, 'must not have an IPv4-mapped IPv6 address');
  else if (cidr.address !== cidr.base) yield invalid(at, text, 'must not have bits set beyond the prefix length');
}
const within = (value: bigint, family: 4 | 6, range: Cidr): boolean => {
  if (range.family !== family) return false;
  const shift = BigInt((family === 4 ? 32 : 128) - range.bits);
  return value >> shift === range.base >> shift;
};
const ranges = (...cidrs: string[]): readonly Cidr[] => cidrs.map((cidr) => parseCidr(cidr)!);
const LOOPBACK = ranges('127.0.0.0/8', '::1/128');
const LINK_LOCAL = ranges('169.254.0.0/16', 'fe80::/10');
const LINK_LOCAL_MULTICAST = ranges('224.0.0.0/24', 'ff02::/16');
/** No address that could not be an endpoint. Source: pkg/apis/core/validation ValidateEndpointIP. */
export function* validateEndpointIp(text: string, at: FieldPath): Errors {
  const ip = parseIp(text);
  if (ip === undefined) {
    yield invalid(at, text, 'must be a valid IP address');
    return;
  }
  const { value, family } = ip;
  const inAny = (cidrs: readonly Cidr[]): boolean => cidrs.some((c) => within(value, family, c));
  if (value === 0n) yield invalid(at, text, `may not be unspecified (${text})`);
  if (inAny(LOOPBACK)) yield invalid(at, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)');
  if (inAny(LINK_LOCAL)) yield invalid(at, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)');
  if (inAny(LINK_LOCAL_MULTICAST))
    yield invalid(at, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)');
}
