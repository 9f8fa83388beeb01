import type { Node } from '../../../schemas/generated/core-v1.ts';
import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';
import { linkOf, linkTo, type Link } from './links.ts';
import { SIX_BITS, sixOf } from './six.ts';

/** What the others have to know of a node. */
export interface NodePlace {
  readonly name: string;
  readonly created: string;
  /** Of its pods. */
  readonly ranges: readonly string[];
  /** `InternalIP`s. */
  readonly ips: readonly string[];
}
export const placeOf = ({ metadata, spec, status }: Node): NodePlace => ({
  name: metadata.name!,
  created: metadata.creationTimestamp ?? '',
  ranges: (spec?.podCIDRs?.length ? spec.podCIDRs : [spec?.podCIDR ?? '']).filter((cidr) => cidr !== ''),
  ips: (status?.addresses ?? []).filter(({ type }) => type === 'InternalIP').map(({ address }) => address),
});

/** Without `via`, of this node's own range: what none of its pods has. */
export interface Route {
  /** In canonical form, as the kernel tells it. */
  readonly to: string;
  readonly via?: string;
  readonly link?: string;
}
export interface RoutePlan {
  readonly routes: readonly Route[];
  /** Addresses by which this node is the neighbour of others for IPv6, where its link has none: `fd6b:…/96`. */
  readonly addresses: readonly { readonly address: string; readonly link: string }[];
  /** Addresses that pods speak to in their own name: ranges of pods, and nodes. */
  readonly inside: readonly string[];
  /** Ranges of this node's pods. */
  readonly own: readonly string[];
  /** For people: nodes that no route leads to. */
  readonly problems: readonly string[];
}

/**
 * Where the pods of the others are, as this node sees it: a node that is a neighbour is the way to its pods. Of two nodes
 * that claim the same range the older one has it; a range in which nodes are is nobody's.
 */
export function planRoutes(self: string, places: readonly NodePlace[], links: readonly Link[]): RoutePlan {
  const routes = new Map<string, Route>();
  const taken: { readonly range: Cidr; readonly node: string }[] = [];
  const inside = new Set<string>();
  const own: string[] = [];
  const problems: string[] = [];
  const nodes = places.flatMap(({ ips }) => ips.flatMap((ip) => parseIp(ip) ?? []));
  for (const ip of nodes) inside.add(formatIp(ip.family, ip.value));
  const inOrder = places.toSorted((a, b) => compare(a.created, b.created) || compare(a.name, b.name));
  for (const { name, ranges, ips } of inOrder)
    for (const text of ranges) {
      const range = parseCidr(text);
      if (range === undefined) {
        problems.push(`node ${name}: ${JSON.stringify(text)} is no range of addresses`);
        continue;
      }
      const to = `${formatIp(range.family, range.base)}/${range.bits}`;
      const other = taken.find((t) => overlap(t.range, range));
      if (other !== undefined) {
        problems.push(`node ${name}: node ${other.node} has addresses of ${to} already`);
        continue;
      }
      if (nodes.some((ip) => contains(range, ip))) {
        problems.push(`node ${name}: there are nodes in ${to}, which is to be its pods'`);
        continue;
      }
      taken.push({ range, node: name });
      inside.add(to);
      if (name === self) {
        own.push(to);
        routes.set(to, { to });
        continue;
      }
      const v4 = ips.find((ip) => parseIp(ip)?.family === 4);
      const v6 = ips.find((ip) => parseIp(ip)?.family === 6);
      const via = range.family === 4 ? v4 : (v6 ?? (v4 && sixOf(v4)));
      const link = via === undefined ? undefined : linkTo(links, range.family === 6 && v6 === undefined ? v4! : via);
      if (via === undefined)
        problems.push(`node ${name} has no address of IPv${range.family}: nothing leads to its pods in ${to}`); // prettier-ignore
      else if (link === undefined)
        problems.push(`node ${name} (${via}) is no neighbour of this one: its pods in ${to} are reached where the network has a route to them, as a cloud's route controller makes it`); // prettier-ignore
      else routes.set(to, { to, via, link: link.name });
    }
  const ips = places.find(({ name }) => name === self)?.ips ?? [];
  const [four, six] = [4, 6].map((family) => ips.find((ip) => parseIp(ip)?.family === family));
  const link = four === undefined ? undefined : linkOf(links, four);
  // Who made the link may have given it that address, which goes with a link that is down.
  const isOurs = four !== undefined && (six === undefined || six === sixOf(four));
  const needsSix = isOurs && link !== undefined && own.some((range) => range.includes(':'));
  const addresses = needsSix ? [{ address: `${sixOf(four)}/${SIX_BITS}`, link: link.name }] : [];
  return { routes: [...routes.values()], addresses, inside: [...inside], own, problems };
}
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const contains = (range: Cidr, { family, value }: { readonly family: 4 | 6; readonly value: bigint }): boolean => {
  const shift = BigInt((range.family === 4 ? 32 : 128) - range.bits);
  return family === range.family && value >> shift === range.base >> shift;
};
const overlap = (a: Cidr, b: Cidr): boolean =>
  a.bits <= b.bits
    ? contains(a, { family: b.family, value: b.base })
    : contains(b, { family: a.family, value: a.base });

/** Which routes are missing or otherwise, and which are nobody's any more. */
export function routeChanges(
  wanted: readonly Route[],
  present: readonly Route[],
): {
  readonly put: readonly Route[];
  readonly drop: readonly Route[];
} {
  const there = new Map(present.map((route) => [route.to, route]));
  const kept = new Set(wanted.map(({ to }) => to));
  const isSame = (a: Route, b: Route | undefined): boolean =>
    b !== undefined && a.via === b.via && (a.via === undefined || a.link === b.link);
  return {
    put: wanted.filter((route) => !isSame(route, there.get(route.to))),
    drop: present.filter(({ to }) => !kept.has(to)),
  };
}
