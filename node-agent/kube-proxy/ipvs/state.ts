import { withPort, type Family } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { PortPlan, ServicePlan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';

type SetType = 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'hash:ip' | 'bitmap:port';
/** Sets by which the rules know what is a Service's. Source: pkg/proxy/ipvs ipsetInfo. */
export const SETS = {
  'KUBE-LOOP-BACK': ['hash:ip,port,ip', 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose'],
  'KUBE-CLUSTER-IP': ['hash:ip,port', 'Kubernetes service cluster ip + port for masquerade purpose'],
  'KUBE-EXTERNAL-IP': ['hash:ip,port', 'Kubernetes service external ip + port for masquerade and filter purpose'],
  'KUBE-EXTERNAL-IP-LOCAL': ['hash:ip,port', 'Kubernetes service external ip + port with externalTrafficPolicy=local'],
  'KUBE-LOAD-BALANCER': ['hash:ip,port', 'Kubernetes service lb portal'],
  'KUBE-LOAD-BALANCER-FW': ['hash:ip,port', 'Kubernetes service load balancer ip + port for load balancer with sourceRange'],
  'KUBE-LOAD-BALANCER-LOCAL': ['hash:ip,port', 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local'],
  'KUBE-LOAD-BALANCER-SOURCE-IP': ['hash:ip,port,ip', 'Kubernetes service load balancer ip + port + source IP for packet filter purpose'],
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': ['hash:ip,port,net', 'Kubernetes service load balancer ip + port + source cidr for packet filter purpose'],
  'KUBE-NODE-PORT-TCP': ['bitmap:port', 'Kubernetes nodeport TCP port for masquerade purpose'],
  'KUBE-NODE-PORT-LOCAL-TCP': ['bitmap:port', 'Kubernetes nodeport TCP port with externalTrafficPolicy=local'],
  'KUBE-NODE-PORT-UDP': ['bitmap:port', 'Kubernetes nodeport UDP port for masquerade purpose'],
  'KUBE-NODE-PORT-LOCAL-UDP': ['bitmap:port', 'Kubernetes nodeport UDP port with externalTrafficPolicy=local'],
  'KUBE-NODE-PORT-SCTP-HASH': ['hash:ip,port', "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"],
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': ['hash:ip,port', "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'"],
  'KUBE-HEALTH-CHECK-NODE-PORT': ['bitmap:port', 'Kubernetes health check node port'],
  'KUBE-IPVS-IPS': ['hash:ip', 'Addresses on the ipvs interface'],
} as const satisfies Readonly<Record<string, readonly [SetType, string]>>; // prettier-ignore
export type SetName = keyof typeof SETS;
export const SET_NAMES = Object.keys(SETS) as readonly SetName[];
/** A set's name in the kernel, which takes 31 letters: those of IPv6 begin with `KUBE-6-`. */
export const setName = (name: SetName, family: Family): string =>
  family === 4 ? name : name.replace('KUBE-', 'KUBE-6-').slice(0, 31);

/** An address and port that IPVS answers, and who gets what comes. */
export interface VirtualServer {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** `10.96.0.1:80`. */
  readonly address: string;
  /** How long a client keeps its endpoint; 0: it does not. */
  readonly persistentSeconds: number;
  readonly reals: ReadonlySet<string>;
}
/** All that one family's IPVS is to hold. */
export interface IpvsState {
  readonly sets: ReadonlyMap<SetName, ReadonlySet<string>>;
  /** By protocol and address. */
  readonly servers: ReadonlyMap<string, VirtualServer>;
  /** Of the dummy interface. */
  readonly addresses: ReadonlySet<string>;
  /** Balancers' addresses and ports that this node itself may not use. */
  readonly closedToNode: readonly { readonly ip: string; readonly protocol: string; readonly port: number }[];
}
const texts = (targets: readonly Target[]): ReadonlySet<string> =>
  new Set(targets.map(({ ip, port }) => withPort(ip, port)));

/**
 * `nodeIPs`: addresses of the node that answer node ports. IPVS knows no refusal: without endpoints here, what must stay
 * here is sent anywhere, as upstream sends it. Source: pkg/proxy/ipvs syncProxyRules.
 */
export function ipvsState(services: Iterable<ServicePlan>, family: Family, settings: ProxySettings, nodeIPs: readonly string[]): IpvsState {
  const sets = new Map<SetName, Set<string>>(SET_NAMES.map((name) => [name, new Set()]));
  const servers = new Map<string, VirtualServer>();
  const addresses = new Set<string>();
  const closedToNode: IpvsState['closedToNode'][number][] = [];
  const put = (set: SetName, entry: string): void => void sets.get(set)!.add(entry);

  const one = (port: PortPlan): void => {
    const protocol = port.protocol.toLowerCase();
    const serve = (ip: string, at: number, isLocal: boolean, binds: boolean): void => {
      const address = withPort(ip, at);
      const targets = isLocal && port.local.length > 0 ? port.local : port.cluster;
      servers.set(`${port.protocol} ${address}`, { protocol: port.protocol, address, persistentSeconds: port.affinitySeconds, reals: texts(targets) });
      // An address of another interface's stays there.
      if (binds) addresses.add(ip);
    };
    for (const { ip, port: to, isLocal } of port.serving) if (isLocal) put('KUBE-LOOP-BACK', `${ip},${protocol}:${to},${ip}`);
    put('KUBE-CLUSTER-IP', `${port.clusterIP},${protocol}:${port.port}`);
    serve(port.clusterIP, port.port, port.isInternalLocal, true);
    for (const ip of port.externalIPs) {
      put(port.isExternalLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP', `${ip},${protocol}:${port.port}`);
      serve(ip, port.port, port.isExternalLocal, !nodeIPs.includes(ip));
    }
    for (const ip of port.balancerIPs) {
      const entry = `${ip},${protocol}:${port.port}`;
      put('KUBE-LOAD-BALANCER', entry);
      if (port.isExternalLocal) put('KUBE-LOAD-BALANCER-LOCAL', entry);
      if (port.sourceRanges.length > 0) {
        put('KUBE-LOAD-BALANCER-FW', entry);
        for (const { text } of port.sourceRanges) put('KUBE-LOAD-BALANCER-SOURCE-CIDR', `${entry},${text}`);
        const nodeIP = settings.nodeIPs[family];
        if (nodeIP !== undefined && port.sourceRanges.some((range) => range.has(nodeIP))) put('KUBE-LOAD-BALANCER-SOURCE-IP', `${entry},${ip}`);
        else closedToNode.push({ ip, protocol, port: port.port });
      }
      serve(ip, port.port, port.isExternalLocal, !nodeIPs.includes(ip));
    }
    if (port.nodePort !== 0 && nodeIPs.length > 0) {
      const set = `KUBE-NODE-PORT-${port.protocol}${port.protocol === 'SCTP' ? '-HASH' : ''}` as SetName;
      const entries = port.protocol === 'SCTP' ? nodeIPs.map((ip) => `${ip},sctp:${port.nodePort}`) : [String(port.nodePort)];
      for (const entry of entries) {
        put(set, entry);
        if (port.isExternalLocal) put(set.replace('PORT-', 'PORT-LOCAL-') as SetName, entry);
      }
      for (const ip of nodeIPs) serve(ip, port.nodePort, port.isExternalLocal, false);
    }
    if (port.healthCheckNodePort !== 0) put('KUBE-HEALTH-CHECK-NODE-PORT', String(port.healthCheckNodePort));
  };
  for (const { ports } of [...services].toSorted((a, b) => (a.key < b.key ? 1 : -1))) for (const port of ports) if (port.family === family) one(port);
  for (const ip of addresses) put('KUBE-IPVS-IPS', ip);
  return { sets, servers, addresses, closedToNode };
} // prettier-ignore
