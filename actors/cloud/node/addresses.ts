import type { Node, NodeAddress } from '../../../schemas/generated/core-v1.ts';
import { parseIp } from '../../../schemas/meta/ip.ts';

/** The address that a kubelet was told to have. Source: k8s.io/cloud-provider/api AnnotationAlphaProvidedIPAddr. */
export const PROVIDED_IP = 'alpha.kubernetes.io/provided-node-ip';

const same = (a: string, b: string): boolean => {
  const [x, y] = [parseIp(a), parseIp(b)];
  return x !== undefined && x.family === y?.family && x.value === y.value;
};
/**
 * What the cloud says, with the node's own wish first, and as the only one of its type. Throws on a wish that is none, or
 * that the cloud does not know of. Source: node/helpers GetNodeAddressesFromNodeIP, component-helpers ParseNodeIPAnnotation.
 */
export function wishedFirst(node: Node, addresses: readonly NodeAddress[]): readonly NodeAddress[] {
  const wish = node.metadata.annotations?.[PROVIDED_IP];
  if (wish === undefined) return addresses;
  const ips = wish.split(',').map((ip) => ip.trim());
  const families = ips.map((ip) => parseIp(ip)?.family);
  const bad = ips.find((_, i) => families[i] === undefined);
  if (bad !== undefined) throw new Error(`failed to parse node IP "${wish}": could not parse "${bad}"`);
  if (ips.length > 2 || (ips.length === 2 && families[0] === families[1]))
    throw new Error(`failed to parse node IP "${wish}": must contain either a single IP or a dual-stack pair of IPs`);
  const first: NodeAddress[] = [];
  for (const ip of ips) {
    const found = addresses.filter(({ address }) => same(address, ip));
    if (found.length === 0) throw new Error(`failed to get node address from cloud provider that matches ip: ${ip}`);
    first.push(...found.map(({ type, address }) => ({ type, address })));
  }
  return [...first, ...addresses.filter(({ type }) => !first.some((given) => given.type === type))];
}
/**
 * The addresses that the node should have, or undefined where they are as they should be. Its own host name stays unless
 * the cloud has one for it. Throws as `wishedFirst`.
 */
export function addressesFor(node: Node, told: readonly NodeAddress[]): readonly NodeAddress[] | undefined {
  if (told.length === 0) return undefined;
  const present = node.status?.addresses ?? [];
  const own = told.some(({ type }) => type === 'Hostname') ? [] : present.filter(({ type }) => type === 'Hostname');
  const wanted = wishedFirst(node, [...told, ...own]);
  return isChanged(present, wanted) ? wanted : undefined;
}
/** Of several of one type only the last counts. Source: controllers/node nodeAddressesChangeDetected. */
function isChanged(present: readonly NodeAddress[], wanted: readonly NodeAddress[]): boolean {
  if (present.length !== wanted.length) return true;
  const byType = new Map(present.map(({ type, address }) => [type, address]));
  return wanted.some(({ type, address }) => byType.get(type) !== address);
}
