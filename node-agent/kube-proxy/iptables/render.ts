import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { PortPlan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { chainNames, endpointChain } from './names.ts';

/** Rules on behalf of one port of a Service; each is what follows `-A`. Source: pkg/proxy/iptables syncProxyRules. */
export interface Rendered {
  /** In chains that all Services share: they are written anew whenever any of them changes. */
  readonly filter: readonly string[];
  readonly nat: readonly string[];
  /** The port's own, in the table `nat`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
}
export const MARK_MASQ = 'KUBE-MARK-MASQ';

/** `isLarge`: where there are very many rules those of endpoints say nothing to people. */
export function render(port: PortPlan, settings: ProxySettings, isLarge: boolean): Rendered {
  const filter: string[] = [];
  const nat: string[] = [];
  const chains = new Map<string, string[]>();
  const { text } = port;
  const names = chainNames(port);
  const protocol = port.protocol.toLowerCase();
  const speaks = `-m ${protocol} -p ${protocol}`;
  const says = (comment: string): string => `-m comment --comment "${comment}"`;
  const to = (address: string): string => `${speaks} -d ${address} --dport ${port.port}`;
  const own = settings.podCidrs[port.family];
  const hasEndpoints = port.internal !== 'reject' || port.external !== 'reject';
  const chain = (name: string): string[] => {
    let rules = chains.get(name);
    if (rules === undefined) chains.set(name, (rules = []));
    return rules;
  };
  const verdict = (way: string): readonly [comment: string, target: string] =>
    way === 'reject' ? [`${text} has no endpoints`, 'REJECT'] : [`${text} has no local endpoints`, 'DROP'];

  if (port.internal === 'cluster' || port.internal === 'local') {
    const name = names[port.internal];
    const cluster = `${says(`${text} cluster IP`)} ${to(port.clusterIP)}`;
    nat.push(`KUBE-SERVICES ${cluster} -j ${name}`);
    if (settings.masqueradeAll) chain(name).push(`${cluster} -j ${MARK_MASQ}`);
    else if (own.length > 0) chain(name).push(`${cluster} ! -s ${own[0]} -j ${MARK_MASQ}`);
  } else {
    const [comment, target] = verdict(port.internal);
    filter.push(`KUBE-SERVICES ${says(comment)} ${to(port.clusterIP)} -j ${target}`);
  }
  const isServedOutside = port.external === 'cluster' || port.external === 'local';
  const refuse = (what: string): void => {
    const [comment, target] = verdict(port.external);
    filter.push(`KUBE-EXTERNAL-SERVICES ${says(comment)} ${what} -j ${target}`);
  };
  for (const address of port.externalIPs) {
    if (hasEndpoints) nat.push(`KUBE-SERVICES ${says(`${text} external IP`)} ${to(address)} -j ${names.external}`);
    if (!isServedOutside) refuse(to(address));
  }
  const isGuarded = hasEndpoints && port.balancerIPs.length > 0 && port.sourceRanges.length > 0;
  for (const address of port.balancerIPs) {
    if (hasEndpoints) nat.push(`KUBE-SERVICES ${says(`${text} loadbalancer IP`)} ${to(address)} -j ${isGuarded ? names.firewall : names.external}`); // prettier-ignore
    if (isGuarded) filter.push(`KUBE-PROXY-FIREWALL ${says(`${text} traffic not accepted by ${names.firewall}`)} ${to(address)} -j DROP`); // prettier-ignore
    if (!isServedOutside) refuse(to(address));
  }
  if (port.nodePort !== 0) {
    if (hasEndpoints) nat.push(`KUBE-NODEPORTS -m comment --comment ${text} ${speaks} --dport ${port.nodePort} -j ${names.external}`); // prettier-ignore
    if (!isServedOutside) refuse(`-m addrtype --dst-type LOCAL ${speaks} --dport ${port.nodePort}`);
  }
  if (port.healthCheckNodePort !== 0)
    filter.push(`KUBE-NODEPORTS ${says(`${text} health check node port`)} -m tcp -p tcp --dport ${port.healthCheckNodePort} -j ACCEPT`); // prettier-ignore

  if (hasEndpoints && (port.externalIPs.length > 0 || port.balancerIPs.length > 0 || port.nodePort !== 0)) {
    const rules = chain(names.external);
    if (!port.isExternalLocal)
      rules.push(`${says(`masquerade traffic for ${text} external destinations`)} -j ${MARK_MASQ}`);
    else {
      if (own.length > 0) rules.push(`${says(`pod traffic for ${text} external destinations`)} -s ${own[0]} -j ${names.cluster}`); // prettier-ignore
      rules.push(
        `${says(`masquerade LOCAL traffic for ${text} external destinations`)} -m addrtype --src-type LOCAL -j ${MARK_MASQ}`,
        `${says(`route LOCAL traffic for ${text} external destinations`)} -m addrtype --src-type LOCAL -j ${names.cluster}`,
      );
    }
    if (isServedOutside) rules.push(`-j ${names[port.external]}`);
  }
  if (isGuarded) {
    const rules = chain(names.firewall);
    const nodeIP = settings.nodeIPs[port.family];
    const looped = nodeIP !== undefined && port.sourceRanges.some((range) => range.has(nodeIP)) ? port.balancerIPs : [];
    for (const source of [...port.sourceRanges.map((range) => range.text), ...looped])
      rules.push(`${says(`${text} loadbalancer IP`)} -s ${source} -j ${names.external}`);
    rules.push(says(`other traffic to ${text} will be dropped by KUBE-PROXY-FIREWALL`));
  }
  const spread = (name: string, targets: readonly Target[]): void => {
    if (targets.length === 0) return;
    const rules = chain(name);
    const ends = targets.map((target) => {
      return { comment: isLarge ? '' : `${says(`${text} -> ${withPort(target.ip, target.port)}`)} `, chain: endpointChain(port, target) }; // prettier-ignore
    });
    if (port.affinitySeconds > 0)
      for (const end of ends)
        rules.push(`${end.comment}-m recent --name ${end.chain} --rcheck --seconds ${port.affinitySeconds} --reap -j ${end.chain}`); // prettier-ignore
    for (const [i, end] of ends.entries()) {
      const left = ends.length - i;
      const chance = left > 1 ? `-m statistic --mode random --probability ${(1 / left).toFixed(10)} ` : '';
      rules.push(`${end.comment}${chance}-j ${end.chain}`);
    }
  };
  spread(names.cluster, port.cluster);
  spread(names.local, port.local);
  const brief = isLarge ? '' : `-m comment --comment ${text} `;
  for (const target of port.reachable) {
    const name = endpointChain(port, target);
    const remember = port.affinitySeconds > 0 ? `-m recent --name ${name} --set ` : '';
    chain(name).push(
      `${brief}-s ${target.ip} -j ${MARK_MASQ}`,
      `${brief}${remember}${speaks} -j DNAT --to-destination ${withPort(target.ip, target.port)}`,
    );
  }
  return { filter, nat, chains };
}
