import type { Family } from '../plan/address.ts';
import { MASQUERADE_MARK, type ProxySettings } from '../settings.ts';
import { SETS, setName, type IpvsState, type SetName } from './state.ts';

const NAT = ['KUBE-SERVICES', 'KUBE-POSTROUTING', 'KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER', 'KUBE-MARK-MASQ'];
const FILTER = ['KUBE-FORWARD', 'KUBE-NODE-PORT', 'KUBE-PROXY-FIREWALL', 'KUBE-SOURCE-RANGES-FIREWALL', 'KUBE-IPVS-FILTER', 'KUBE-IPVS-OUT-FILTER']; // prettier-ignore
/** Source: pkg/proxy/ipvs iptablesJumpChain. */
const JUMPS: readonly (readonly [table: 'filter' | 'nat', from: string, to: string, comment: string])[] = [
  ['nat', 'OUTPUT', 'KUBE-SERVICES', 'kubernetes service portals'],
  ['nat', 'PREROUTING', 'KUBE-SERVICES', 'kubernetes service portals'],
  ['nat', 'POSTROUTING', 'KUBE-POSTROUTING', 'kubernetes postrouting rules'],
  ['filter', 'FORWARD', 'KUBE-FORWARD', 'kubernetes forwarding rules'],
  ['filter', 'INPUT', 'KUBE-NODE-PORT', 'kubernetes health check rules'],
  ['filter', 'INPUT', 'KUBE-PROXY-FIREWALL', 'kube-proxy firewall rules'],
  ['filter', 'FORWARD', 'KUBE-PROXY-FIREWALL', 'kube-proxy firewall rules'],
  ['filter', 'INPUT', 'KUBE-IPVS-FILTER', 'kubernetes ipvs access filter'],
  ['filter', 'OUTPUT', 'KUBE-IPVS-OUT-FILTER', 'kubernetes ipvs access filter'],
];
/** Source: ipsetWithIptablesChain; of node ports, those that stay here come first. */
const BY_SET: readonly (readonly [set: SetName, table: 'filter' | 'nat', from: string, to: string, match: string, protocol: string])[] = [
  ['KUBE-LOOP-BACK', 'nat', 'KUBE-POSTROUTING', 'MASQUERADE', 'dst,dst,src', ''],
  ['KUBE-LOAD-BALANCER', 'nat', 'KUBE-SERVICES', 'KUBE-LOAD-BALANCER', 'dst,dst', ''],
  ['KUBE-LOAD-BALANCER-LOCAL', 'nat', 'KUBE-LOAD-BALANCER', 'RETURN', 'dst,dst', ''],
  ['KUBE-NODE-PORT-LOCAL-TCP', 'nat', 'KUBE-NODE-PORT', 'RETURN', 'dst', 'tcp'],
  ['KUBE-NODE-PORT-TCP', 'nat', 'KUBE-NODE-PORT', 'KUBE-MARK-MASQ', 'dst', 'tcp'],
  ['KUBE-NODE-PORT-LOCAL-UDP', 'nat', 'KUBE-NODE-PORT', 'RETURN', 'dst', 'udp'],
  ['KUBE-NODE-PORT-UDP', 'nat', 'KUBE-NODE-PORT', 'KUBE-MARK-MASQ', 'dst', 'udp'],
  ['KUBE-NODE-PORT-LOCAL-SCTP-HASH', 'nat', 'KUBE-NODE-PORT', 'RETURN', 'dst,dst', 'sctp'],
  ['KUBE-NODE-PORT-SCTP-HASH', 'nat', 'KUBE-NODE-PORT', 'KUBE-MARK-MASQ', 'dst,dst', 'sctp'],
  ['KUBE-LOAD-BALANCER-FW', 'filter', 'KUBE-PROXY-FIREWALL', 'KUBE-SOURCE-RANGES-FIREWALL', 'dst,dst', ''],
  ['KUBE-LOAD-BALANCER-SOURCE-CIDR', 'filter', 'KUBE-SOURCE-RANGES-FIREWALL', 'RETURN', 'dst,dst,src', ''],
  ['KUBE-LOAD-BALANCER-SOURCE-IP', 'filter', 'KUBE-SOURCE-RANGES-FIREWALL', 'RETURN', 'dst,dst,src', ''],
]; // prettier-ignore

/** What iptables-restore is given: rules name sets, and so change only where a set is no more, or no longer, empty. `present`: see iptables-save. */
export function ipvsRules(state: IpvsState, family: Family, settings: ProxySettings, present: string): string {
  const nat: string[] = [];
  const filter: string[] = [];
  const own = settings.podCidrs[family];
  const isEmpty = (set: SetName): boolean => state.sets.get(set)!.size === 0;
  const matching = (set: SetName, how: string): string => `-m set --match-set ${setName(set, family)} ${how}`;
  const says = (set: SetName): string => `-m comment --comment "${SETS[set][1]}"`;
  const mark = `${MASQUERADE_MARK}/${MASQUERADE_MARK}`;

  nat.push(`KUBE-SERVICES -s ${family === 4 ? '127.0.0.0/8' : '::1/128'} -j RETURN`);
  for (const [set, table, from, to, how, protocol] of BY_SET)
    if (!isEmpty(set)) (table === 'nat' ? nat : filter).push(`${from}${protocol === '' ? '' : ` -p ${protocol}`} ${says(set)} ${matching(set, how)} -j ${to}`); // prettier-ignore
  if (!isEmpty('KUBE-CLUSTER-IP')) {
    const clusterIPs = `KUBE-SERVICES ${says('KUBE-CLUSTER-IP')}`;
    if (settings.masqueradeAll) nat.push(`${clusterIPs} ${matching('KUBE-CLUSTER-IP', 'dst,dst')} -j KUBE-MARK-MASQ`);
    else if (own.length > 0)
      nat.push(`${clusterIPs} ${matching('KUBE-CLUSTER-IP', 'dst,dst')} ! -s ${own[0]} -j KUBE-MARK-MASQ`); // prettier-ignore
    // The interface with all these addresses makes them sources, too.
    else nat.push(`${clusterIPs} ${matching('KUBE-CLUSTER-IP', 'src,dst')} -j KUBE-MARK-MASQ`);
  }
  for (const set of ['KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const) {
    if (isEmpty(set)) continue;
    const external = `KUBE-SERVICES ${says(set)} ${matching(set, 'dst,dst')}`;
    if (set === 'KUBE-EXTERNAL-IP') nat.push(`${external} -j KUBE-MARK-MASQ`);
    nat.push(
      `${external} -m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT`,
      `${external} -m addrtype --dst-type LOCAL -j ACCEPT`,
    );
  }
  nat.push('KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT', 'KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ');
  filter.push('KUBE-SOURCE-RANGES-FIREWALL -j DROP');
  for (const { ip, protocol, port } of state.closedToNode)
    filter.push(`KUBE-IPVS-OUT-FILTER -s ${ip} -m ipvs --vaddr ${ip} --vproto ${protocol} --vport ${port} -j DROP`);
  for (const set of ['KUBE-CLUSTER-IP', 'KUBE-LOAD-BALANCER'] as const)
    if (!isEmpty(set)) nat.push(`KUBE-SERVICES ${matching(set, 'dst,dst')} -j ACCEPT`);
  filter.push(
    `KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark} -j ACCEPT`,
    'KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    `KUBE-NODE-PORT ${says('KUBE-HEALTH-CHECK-NODE-PORT')} ${matching('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j ACCEPT`,
    // What else listens on this machine is nobody's at the address of a Service.
    ...(['KUBE-LOAD-BALANCER', 'KUBE-CLUSTER-IP', 'KUBE-EXTERNAL-IP', 'KUBE-EXTERNAL-IP-LOCAL'] as const).map((set) => `KUBE-IPVS-FILTER ${matching(set, 'dst,dst')} -j RETURN`),
    `KUBE-IPVS-FILTER ${matching('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')} -j RETURN`,
    `KUBE-IPVS-FILTER -m conntrack --ctstate NEW ${matching('KUBE-IPVS-IPS', 'dst')} -j REJECT`,
  ); // prettier-ignore
  nat.push(
    `KUBE-POSTROUTING -m mark ! --mark ${mark} -j RETURN`,
    `KUBE-POSTROUTING -j MARK --xor-mark ${MASQUERADE_MARK}`,
    'KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    `KUBE-MARK-MASQ -j MARK --or-mark ${MASQUERADE_MARK}`,
  );
  const there = present.split('\n');
  const jumps = (table: 'filter' | 'nat'): string[] =>
    JUMPS.filter(([of]) => of === table)
      .filter(([, from, to]) => !there.some((line) => line.startsWith(`-A ${from} `) && line.endsWith(`-j ${to}`)))
      .map(([, from, to, comment]) => `-I ${from} 1 -m comment --comment "${comment}" -j ${to}`);
  const table = (name: 'filter' | 'nat', chains: readonly string[], rules: readonly string[]): string[] => [
    `*${name}`,
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...rules.map((rule) => `-A ${rule}`),
    ...jumps(name),
    'COMMIT',
  ];
  return [...table('nat', NAT, nat), ...table('filter', FILTER, filter), ''].join('\n');
}
