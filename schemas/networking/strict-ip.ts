import { invalid, type FieldError, type FieldPath } from '../meta/field.ts';
import { parseCidr, parseIp } from '../meta/ip.ts';

type Errors = Generator<FieldError, void, undefined>;
const NOT_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const NOT_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** An address as RFC 5952 writes it. */
export function formatIp(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const text = groups.join(':');
  // The longest run of zeros, the first of equals, of two groups or more.
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].map(([run]) => run);
  const longest = runs.toSorted((a, b) => b.replace(/^:/, '').length - a.replace(/^:/, '').length)[0];
  if (longest === undefined) return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at)}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}
const hasLeadingZeros = (text: string): boolean => !text.includes(':') && /(^|\.)0\d/.test(text);
const isMapped = (text: string, family: 4 | 6, value: bigint): boolean =>
  family === 6 && text.includes(':') && value >> 32n === 0xffffn;

/** Of fields from after strict addresses. Source: apimachinery pkg/util/validation/ip.go IsValidIP. */
export function ipProblems(text: string): string[] {
  const ip = parseIp(text);
  if (ip === undefined) return [NOT_IP];
  if (hasLeadingZeros(text)) return ['must not have leading 0s'];
  if (isMapped(text, ip.family, ip.value)) return ['must not be an IPv4-mapped IPv6 address'];
  const canonical = formatIp(ip.family, ip.value);
  return canonical === text ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}
function strictCidrProblem(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (cidr === undefined) return NOT_CIDR;
  if (hasLeadingZeros(text.slice(0, text.indexOf('/'))) || /\/0\d/.test(text)) return 'must not have leading 0s in IP or prefix length';
  if (isMapped(text, cidr.family, cidr.address)) return 'must not have an IPv4-mapped IPv6 address';
  return cidr.address === cidr.base ? undefined : 'must not have bits set beyond the prefix length';
} // prettier-ignore
/** Source: apimachinery pkg/util/validation/ip.go IsValidCIDR. */
export function* validateStrictCidr(text: string, at: FieldPath): Errors {
  const problem = strictCidrProblem(text);
  if (problem !== undefined) {
    yield invalid(at, text, problem);
    return;
  }
  const { family, base, bits } = parseCidr(text)!;
  const canonical = `${formatIp(family, base)}/${bits}`;
  if (canonical !== text) yield invalid(at, text, `must be in canonical form (${JSON.stringify(canonical)})`);
}

/** Of old fields, which accept odd forms. Source: apimachinery pkg/util/validation/ip.go GetWarningsForIP. */
export function ipWarnings(text: string, at: FieldPath): string[] {
  const ip = parseIp(text);
  if (ip === undefined) return [];
  const mapped = isMapped(text, ip.family, ip.value);
  const canonical = mapped ? formatIp(4, ip.value & 0xffffffffn) : formatIp(ip.family, ip.value);
  if (mapped || hasLeadingZeros(text))
    return [`${at}: non-standard IP address ${JSON.stringify(text)} is invalid: use ${JSON.stringify(canonical)}`];
  if (ip.family === 6 && canonical !== text)
    return [`${at}: IPv6 address ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(canonical)})`];
  return [];
} // prettier-ignore
/** Source: apimachinery pkg/util/validation/ip.go GetWarningsForCIDR. */
export function cidrWarnings(text: string, at: FieldPath): string[] {
  const cidr = parseCidr(text);
  if (cidr === undefined) return [];
  const { family, base, bits, address } = cidr;
  const network = `${formatIp(family, base)}/${bits}`;
  const found: string[] = [];
  if (address !== base) {
    const host = `${formatIp(family, address)}/${family === 4 ? 32 : 128}`;
    found.push(`${at}: CIDR value ${JSON.stringify(text)} is ambiguous in this context (should be ${JSON.stringify(network)} or ${JSON.stringify(host)}?)`);
  }
  if (hasLeadingZeros(text.slice(0, text.indexOf('/'))) || /\/0\d/.test(text) || isMapped(text, family, address))
    found.push(`${at}: non-standard CIDR value ${JSON.stringify(text)} is invalid: use ${JSON.stringify(network)}`);
  if (found.length === 0 && family === 6 && network !== text)
    found.push(`${at}: IPv6 CIDR value ${JSON.stringify(text)} should be in RFC 5952 canonical format (${JSON.stringify(network)})`);
  return found;
} // prettier-ignore
