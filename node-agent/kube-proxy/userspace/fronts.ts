import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { PortPlan, ServicePlan } from '../plan/plan.ts';
import { rangeOf, type Range } from '../plan/address.ts';
import type { ProxySettings } from '../settings.ts';

/** An address and port at which a Service is asked, and whom those who ask are sent to. */
export interface Front {
  readonly protocol: 'TCP' | 'UDP';
  readonly host: string;
  readonly port: number;
  /** Of one port of a Service: affinity is to it, by whatever address it was asked. */
  readonly owner: string;
  readonly affinitySeconds: number;
  /** undefined: whoever asks from there is turned away. */
  targets(client: string): readonly Target[] | undefined;
}
export interface Fronts {
  /** By protocol, address and port; of several Services that want one, the first by name has it. */
  readonly fronts: ReadonlyMap<string, Front>;
  /** Addresses that have to be this machine's own. */
  readonly addresses: ReadonlySet<string>;
}
/** `owns`: whether an address is this node's. What other modes drop, this one refuses; SCTP it does not know. */
export function frontsOf(services: Iterable<ServicePlan>, settings: ProxySettings, owns: (address: string) => boolean): Fronts {
  const fronts = new Map<string, Front>();
  const addresses = new Set<string>();
  const local = { 4: settings.podCidrs[4].map(rangeOf), 6: settings.podCidrs[6].map(rangeOf) };
  const isFromHere = (port: PortPlan, client: string): boolean =>
    owns(client) || (local[port.family] as readonly Range[]).some((range) => range.has(client));
  const nodePortHosts = (port: PortPlan): readonly string[] =>
    settings.nodePortIPs?.filter((ip) => ip.includes(':') === (port.family === 6)) ?? [port.family === 4 ? '0.0.0.0' : '::'];

  for (const { ports } of [...services].toSorted((a, b) => (a.key < b.key ? -1 : 1)))
    for (const port of ports) {
      if (port.protocol === 'SCTP') continue;
      const { protocol, affinitySeconds } = port;
      const owner = `${port.text}/${protocol}/${port.family}`;
      const put = (host: string, at: number, targets: Front['targets']): void => {
        const key = `${protocol} ${withPort(host, at)}`;
        if (!fronts.has(key)) fronts.set(key, { protocol, host, port: at, owner, affinitySeconds, targets });
      };
      addresses.add(port.clusterIP);
      const inside = port.internal === 'cluster' ? port.cluster : port.internal === 'local' ? port.local : undefined;
      if (inside !== undefined) put(port.clusterIP, port.port, () => inside);

      const outside = port.external === 'cluster' ? port.cluster : port.external === 'local' ? port.local : undefined;
      const fromOutside = (client: string): readonly Target[] | undefined =>
        port.isExternalLocal && isFromHere(port, client) ? port.cluster : outside;
      const isAllowed = (client: string): boolean => port.sourceRanges.length === 0 || port.sourceRanges.some((range) => range.has(client)) || owns(client);
      for (const ip of [...port.externalIPs, ...port.balancerIPs]) addresses.add(ip);
      if (port.external === 'reject') continue;
      for (const ip of port.externalIPs) put(ip, port.port, fromOutside);
      for (const ip of port.balancerIPs) put(ip, port.port, (client) => (isAllowed(client) ? fromOutside(client) : undefined));
      if (port.nodePort !== 0) for (const host of nodePortHosts(port)) put(host, port.nodePort, fromOutside);
    }
  return { fronts, addresses };
} // prettier-ignore
