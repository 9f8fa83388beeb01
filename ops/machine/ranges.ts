import { parseCidr, type Cidr } from '../../schemas/meta/ip.ts';
import { formatIp } from '../../schemas/networking/strict-ip.ts';

const sizeOf = ({ family, bits }: Cidr): bigint => 1n << BigInt((family === 4 ? 32 : 128) - bits);
const overlap = (a: Cidr, b: Cidr): boolean =>
  a.family === b.family && a.base < b.base + sizeOf(b) && b.base < a.base + sizeOf(a);

/** Of `candidates` the first that shares no address with any of `taken`; what is no range is none. */
export function freeRange(candidates: Iterable<string>, taken: readonly string[]): string | undefined {
  const used = taken.map((cidr) => parseCidr(cidr)).filter((range) => range !== undefined);
  for (const candidate of candidates) {
    const range = parseCidr(candidate);
    if (range !== undefined && !used.some((other) => overlap(range, other))) return candidate;
  }
  return undefined;
}
/** Private ranges for nodes: neither Docker's first choices nor those of pods and services are among them. */
export function* nodeRanges(): Iterable<string> {
  for (let i = 0; i < 256; i++) yield `10.89.${i}.0/24`;
  for (let i = 0; i < 256; i++) yield `172.31.${i}.0/24`;
  for (let i = 0; i < 256; i++) yield `192.168.${i}.0/24`;
}
/** Private ranges for load balancers, beside those of nodes. */
export function* balancerRanges(): Iterable<string> {
  for (let i = 0; i < 256; i++) yield `10.90.${i}.0/24`;
  yield* nodeRanges();
}
/** Where addresses of pods come from unless somebody says otherwise. */
export const USUAL_PODS = '10.244.0.0/16';
/** The usual range of pods, and those beside it. */
export function* podRanges(): Iterable<string> {
  for (let i = 244; i < 256; i++) yield `10.${i}.0.0/16`;
  for (let i = 128; i < 244; i++) yield `10.${i}.0.0/16`;
}
/** Place 1 is the machine's own address there, nodes follow. */
export function addressAt(range: string, place: number): string {
  const parsed = parseCidr(range);
  if (parsed === undefined) throw new Error(`${range} is no range of addresses`);
  return formatIp(parsed.family, parsed.base + BigInt(place));
}
export const HOST_PLACE = 1;
/** Places that nodes of a /24 can have. */
export const MAX_PLACE = 253;
/** An address of this machine that API servers ask pods by, and nobody else. */
export const API_SERVERS_PLACE = 254;
export const prefixOf = (range: string): string => range.slice(range.lastIndexOf('/') + 1);

/** Of `routes`, to ranges or addresses, one that would lead elsewhere if `range` were this machine's own; undefined: none. */
export function shadowedBy(range: string, routes: readonly string[]): string | undefined {
  const own = parseCidr(range);
  return routes.find((route) => {
    const other = parseCidr(route);
    return own !== undefined && other !== undefined && other.bits >= own.bits && overlap(own, other);
  });
}
export const overlaps = (a: string, b: string): boolean => {
  const [x, y] = [parseCidr(a), parseCidr(b)];
  return x !== undefined && y !== undefined && overlap(x, y);
};
/** A route as `ip -json route` tells it. */
interface Route {
  readonly dst?: string;
}
/** Ranges of a machine's routes but the default one. */
export function routedRanges(json: string): string[] {
  const routes = JSON.parse(json === '' ? '[]' : json) as readonly Route[];
  return routes.flatMap(({ dst = 'default' }) =>
    dst === 'default' ? [] : [dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`],
  );
}
