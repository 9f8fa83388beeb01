import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/** An address as sets have it; undefined for what is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && formatIp(ip.family, ip.value);
}
export const formatCidr = ({ family, base, bits }: Cidr): string => `${formatIp(family, base)}/${bits}`;
const inside = (inner: Cidr, outer: Cidr): boolean => {
  const shift = BigInt((outer.family === 4 ? 32 : 128) - outer.bits);
  return inner.family === outer.family && inner.bits >= outer.bits && inner.base >> shift === outer.base >> shift;
};

/** A range and its exceptions, none of them within another: what the kernel takes as elements of one set. */
export interface Block {
  readonly family: 4 | 6;
  readonly cidr: string;
  readonly except: readonly string[];
  contains(ip: string): boolean;
}
/** undefined for what is no range. */
export function blockOf(cidr: string, except: readonly string[]): Block | undefined {
  const outer = parseCidr(cidr);
  if (outer === undefined) return undefined;
  const holes = except.flatMap((text) => parseCidr(text) ?? []).filter((hole) => hole.family === outer.family);
  const widest = holes.filter((hole, i) => !holes.some((other, j) => i !== j && inside(hole, other) && (other.bits < hole.bits || j < i))); // prettier-ignore
  const contains = (text: string): boolean => {
    const ip = parseIp(text);
    if (ip === undefined) return false;
    const one: Cidr = { family: ip.family, base: ip.value, address: ip.value, bits: ip.family === 4 ? 32 : 128 };
    return inside(one, outer) && !widest.some((hole) => inside(one, hole));
  };
  return { family: outer.family, cidr: formatCidr(outer), except: widest.map(formatCidr), contains };
}

/** The same ports in as few ranges as possible, in order. */
export function joinRanges(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const out: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}
