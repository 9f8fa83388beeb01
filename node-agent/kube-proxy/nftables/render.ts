import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { PortPlan, Way } from '../plan/plan.ts';
import { MASQUERADE_MARK, type ProxySettings } from '../settings.ts';
import { chainNames, endpointNames } from './names.ts';

/** Sets and maps whose elements come from Services. */
export type Container =
  | 'cluster-ips'
  | 'service-ips'
  | 'service-nodeports'
  | 'firewall-ips'
  | 'no-endpoint-services'
  | 'no-endpoint-nodeports'
  | 'hairpin-connections';
export interface Element {
  readonly container: Container;
  readonly key: string;
  /** What a map has for the key; empty in sets. */
  readonly value: string;
  /** Name of the port, where somebody who reads rules would wonder. */
  readonly comment?: string | undefined;
}
export interface Chain {
  readonly name: string;
  readonly rules: readonly string[];
}
/** Which endpoint a client was given, for so long. */
export interface AffinitySet {
  readonly name: string;
  readonly seconds: number;
}
/** All that stands in the table on behalf of one port of a Service. Source: pkg/proxy/nftables syncProxyRules. */
export interface Rendered {
  readonly elements: readonly Element[];
  readonly chains: readonly Chain[];
  readonly affinity: readonly AffinitySet[];
}
export const MASQUERADE = `mark set mark or ${MASQUERADE_MARK}`;
export const REJECT_CHAIN = 'reject-chain';

export function render(port: PortPlan, settings: ProxySettings): Rendered {
  const ip = port.family === 4 ? 'ip' : 'ip6';
  const protocol = port.protocol.toLowerCase();
  const names = chainNames(port);
  const elements: Element[] = [];
  const chains: Chain[] = [];
  const affinity: AffinitySet[] = [];
  const add = (container: Container, key: string, value = '', comment?: string): void =>
    void elements.push({ container, key, value, comment });
  const hasEndpoints = port.internal !== 'reject' || port.external !== 'reject';
  const isSticky = port.affinitySeconds > 0;
  const { podCidrs } = settings;
  const own = podCidrs[port.family];

  for (const target of port.reachable)
    if (target.isLocal) add('hairpin-connections', `${target.ip} . ${target.ip} . ${protocol} . ${target.port}`);
  const spread = (name: string, targets: readonly Target[]): void => {
    if (targets.length === 0) return;
    chains.push({ name, rules: isSticky ? sticky(port, ip, targets) : [evenly(protocol, ip, targets)] });
  };
  spread(names.cluster, port.cluster);
  spread(names.local, port.local);

  const refused = (way: Way): string => (way === 'reject' ? `goto ${REJECT_CHAIN}` : 'drop');
  const at = (address: string): string => `${address} . ${protocol} . ${port.port}`;
  add('cluster-ips', port.clusterIP);
  if (port.internal === 'cluster' || port.internal === 'local')
    add('service-ips', at(port.clusterIP), `goto ${names[port.internal]}`);
  else add('no-endpoint-services', at(port.clusterIP), refused(port.internal), port.text);

  const isServedOutside = port.external === 'cluster' || port.external === 'local';
  const outside = [...new Set([...port.externalIPs, ...port.balancerIPs])];
  for (const address of outside) {
    if (hasEndpoints) add('service-ips', at(address), `goto ${names.external}`);
    if (!isServedOutside) add('no-endpoint-services', at(address), refused(port.external), port.text);
  }
  if (port.nodePort !== 0) {
    const key = `${protocol} . ${port.nodePort}`;
    if (hasEndpoints) add('service-nodeports', key, `goto ${names.external}`);
    if (!isServedOutside) add('no-endpoint-nodeports', key, refused(port.external), port.text);
  }
  if (hasEndpoints && (outside.length > 0 || port.nodePort !== 0)) {
    const rules: string[] = [];
    if (!port.isExternalLocal) rules.push(`${MASQUERADE} comment "masquerade"`);
    else {
      // As if it went out to a load balancer and came back.
      if (own.length > 0)
        rules.push(`${ip} saddr ${anyOf(own)} goto ${names.cluster} comment "short-circuit pod traffic"`);
      rules.push(
        `fib saddr type local ${MASQUERADE} comment "masquerade local traffic"`,
        `fib saddr type local goto ${names.cluster} comment "short-circuit local traffic"`,
      );
    }
    if (isServedOutside) rules.push(`goto ${names[port.external]}`);
    chains.push({ name: names.external, rules });
  }
  if (port.balancerIPs.length > 0 && port.sourceRanges.length > 0) {
    for (const address of port.balancerIPs) add('firewall-ips', at(address), `goto ${names.firewall}`);
    const nodeIP = settings.nodeIPs[port.family];
    // What this node sends to the balancer's address comes back from that address.
    const looped = nodeIP !== undefined && port.sourceRanges.some((range) => range.has(nodeIP)) ? port.balancerIPs : [];
    const sources = [...port.sourceRanges.map(({ text }) => text), ...looped];
    chains.push({ name: names.firewall, rules: [`${ip} saddr != { ${sources.join(', ')} } drop`] });
  }
  if (isSticky)
    for (const target of port.reachable) {
      const { chain, affinity: set } = endpointNames(port, target);
      affinity.push({ name: set, seconds: port.affinitySeconds });
      chains.push({
        name: chain,
        rules: [
          `update @${set} { ${ip} saddr }`,
          `meta l4proto ${protocol} dnat to ${withPort(target.ip, target.port)}`,
        ],
      });
    }
  return { elements, chains, affinity };
}
export const anyOf = (ranges: readonly string[]): string =>
  ranges.length === 1 ? ranges[0]! : `{ ${ranges.join(', ')} }`;

function evenly(protocol: string, ip: string, targets: readonly Target[]): string {
  const map = targets.map((target, i) => `${i} : ${target.ip} . ${target.port}`).join(', ');
  return `meta l4proto ${protocol} dnat ${ip} addr . port to numgen random mod ${targets.length} map { ${map} }`;
}
/** Whoever was here before goes where it went, anybody else to any. */
function sticky(port: PortPlan, ip: string, targets: readonly Target[]): string[] {
  const names = targets.map((target) => endpointNames(port, target));
  return [
    ...names.map(({ chain, affinity }) => `${ip} saddr @${affinity} goto ${chain}`),
    `numgen random mod ${targets.length} vmap { ${names.map(({ chain }, i) => `${i} : goto ${chain}`).join(', ')} }`,
  ];
}
