import type { Family } from '../plan/address.ts';
import { MASQUERADE_MARK, type ProxySettings } from '../settings.ts';
import { anyOf, MASQUERADE, REJECT_CHAIN, type Container } from './render.ts';

export const TABLE = 'kube-proxy';
export const keyword = (family: Family): 'ip' | 'ip6' => (family === 4 ? 'ip' : 'ip6');

/** Chains that the kernel calls. Source: pkg/proxy/nftables nftablesBaseChains. */
const HOOKED: readonly (readonly [name: string, type: string, hook: string, priority: string])[] = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', '-110'],
  ['filter-output-pre-dnat', 'filter', 'output', '-110'],
  ['filter-input', 'filter', 'input', '0'],
  ['filter-forward', 'filter', 'forward', '0'],
  ['filter-output', 'filter', 'output', '0'],
  ['nat-prerouting', 'nat', 'prerouting', '-100'],
  ['nat-output', 'nat', 'output', '-100'],
  ['nat-postrouting', 'nat', 'postrouting', '100'],
];
const CONTAINERS: readonly (readonly [kind: 'map' | 'set', name: Container, type: string, comment: string])[] = [
  ['set', 'hairpin-connections', 'ADDR . ADDR . inet_proto . inet_service', 'service hairpin connections'],
  ['set', 'cluster-ips', 'ADDR', 'Active ClusterIPs'],
  ['map', 'no-endpoint-services', 'ADDR . inet_proto . inet_service : verdict', 'vmap to drop or reject packets to services with no endpoints'],
  ['map', 'no-endpoint-nodeports', 'inet_proto . inet_service : verdict', 'vmap to drop or reject packets to service nodeports with no endpoints'],
  ['map', 'firewall-ips', 'ADDR . inet_proto . inet_service : verdict', 'destinations that are subject to LoadBalancerSourceRanges'],
  ['map', 'service-ips', 'ADDR . inet_proto . inet_service : verdict', 'ClusterIP, ExternalIP and LoadBalancer IP traffic'],
  ['map', 'service-nodeports', 'inet_proto . inet_service : verdict', 'NodePort traffic'],
]; // prettier-ignore
const NODE_PORT_IPS = 'nodeport-ips';
const PLAIN = [
  'nodeport-endpoints-check',
  'service-endpoints-check',
  'firewall-check',
  'services',
  'masquerading',
  'cluster-ips-check',
  REJECT_CHAIN,
];

/** The table without Services: whatever stood in these chains before is gone, the rest is emptied. Source: setupNFTables. */
export function baseCommands(family: Family, settings: ProxySettings): string[] {
  const ip = keyword(family);
  const own = `${ip} ${TABLE}`;
  const address = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const noLoopback = family === 4 ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1';
  const lines: string[] = [`add table ${own} { comment "rules for kube-proxy" ; }`];
  const rule = (chain: string, text: string, comment?: string): void =>
    void lines.push(`add rule ${own} ${chain} ${text}${comment === undefined ? '' : ` comment "${comment}"`}`);
  for (const [name, type, hook, priority] of HOOKED)
    lines.push(
      // One that was hooked elsewhere could not be changed.
      `add chain ${own} ${name}`,
      `delete chain ${own} ${name}`,
      `add chain ${own} ${name} { type ${type} hook ${hook} priority ${priority} ; }`,
    );
  for (const name of PLAIN) {
    const comment = name === REJECT_CHAIN ? ' { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }' : ''; // prettier-ignore
    lines.push(`add chain ${own} ${name}${comment}`, `flush chain ${own} ${name}`);
  }
  for (const [kind, name, type, comment] of CONTAINERS)
    lines.push(
      `add ${kind} ${own} ${name} { type ${type.replaceAll('ADDR', address)} ; comment "${comment}" ; }`,
      `flush ${kind} ${own} ${name}`,
    );
  lines.push(`add set ${own} ${NODE_PORT_IPS} { type ${address} ; comment "IPs that accept NodePort traffic" ; }`, `flush set ${own} ${NODE_PORT_IPS}`); // prettier-ignore
  const nodePortIPs = settings.nodePortIPs?.filter((text) => (text.includes(':') ? 6 : 4) === family);
  if (nodePortIPs !== undefined && nodePortIPs.length > 0)
    lines.push(`add element ${own} ${NODE_PORT_IPS} { ${nodePortIPs.join(', ')} }`);

  for (const chain of ['filter-input', 'filter-forward', 'filter-output']) {
    if (chain === 'filter-input') rule(chain, 'ct state new jump nodeport-endpoints-check');
    rule(chain, 'ct state new jump service-endpoints-check');
    if (chain !== 'filter-input') rule(chain, 'ct state new jump cluster-ips-check');
  }
  for (const chain of ['filter-prerouting-pre-dnat', 'filter-output-pre-dnat'])
    rule(chain, 'ct state new jump firewall-check');
  for (const chain of ['nat-output', 'nat-prerouting']) rule(chain, 'jump services');
  rule('nat-postrouting', 'jump masquerading');

  rule('masquerading', `mark and ${MASQUERADE_MARK} != 0 mark set mark xor ${MASQUERADE_MARK} masquerade fully-random`);
  rule('masquerading', `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`); // prettier-ignore
  rule(REJECT_CHAIN, 'reject');
  rule('cluster-ips-check', `${ip} daddr @cluster-ips reject`, 'Reject traffic to invalid ports of ClusterIPs');
  const { serviceCidrs, podCidrs } = settings;
  if (serviceCidrs[family].length > 0)
    rule('cluster-ips-check', `${ip} daddr { ${serviceCidrs[family].join(', ')} } drop`, 'Drop traffic to unallocated ClusterIPs'); // prettier-ignore
  const isNodePort = nodePortIPs === undefined ? noLoopback : `${ip} daddr @${NODE_PORT_IPS}`;
  rule('nodeport-endpoints-check', `${isNodePort} meta l4proto . th dport vmap @no-endpoint-nodeports`);
  rule('service-endpoints-check', `${ip} daddr . meta l4proto . th dport vmap @no-endpoint-services`);
  rule('firewall-check', `${ip} daddr . meta l4proto . th dport vmap @firewall-ips`);
  if (settings.masqueradeAll)
    rule('services', `${ip} daddr @cluster-ips ${MASQUERADE}`, 'masquerade all clusterIP traffic');
  else if (podCidrs[family].length > 0)
    // Somebody who routes Services' addresses to this node is answered by this node.
    rule('services', `${ip} daddr @cluster-ips ${ip} saddr != ${anyOf(podCidrs[family])} ${MASQUERADE}`, 'masquerade clusterIP traffic from outside cluster'); // prettier-ignore
  rule('services', `${ip} daddr . meta l4proto . th dport vmap @service-ips`);
  rule('services', `${nodePortIPs === undefined ? `fib daddr type local ${noLoopback}` : isNodePort} meta l4proto . th dport vmap @service-nodeports`); // prettier-ignore
  return lines;
}
