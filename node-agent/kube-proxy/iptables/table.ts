import type { Family } from '../plan/address.ts';
import type { Change, PortPlan, ServicePlan } from '../plan/plan.ts';
import { MASQUERADE_MARK, type ProxySettings } from '../settings.ts';
import { isOfService } from './names.ts';
import { MARK_MASQ, render, type Rendered } from './render.ts';

/** Where the kernel's own chains lead to ours. Source: pkg/proxy/iptables iptablesJumpChains. */
const JUMPS: readonly (readonly [table: 'filter' | 'nat', to: string, from: string, comment: string, isForNew: boolean])[] = [
  ['filter', 'KUBE-EXTERNAL-SERVICES', 'INPUT', 'kubernetes externally-visible service portals', true],
  ['filter', 'KUBE-EXTERNAL-SERVICES', 'FORWARD', 'kubernetes externally-visible service portals', true],
  ['filter', 'KUBE-NODEPORTS', 'INPUT', 'kubernetes health check service ports', false],
  ['filter', 'KUBE-SERVICES', 'FORWARD', 'kubernetes service portals', true],
  ['filter', 'KUBE-SERVICES', 'OUTPUT', 'kubernetes service portals', true],
  ['filter', 'KUBE-FORWARD', 'FORWARD', 'kubernetes forwarding rules', false],
  ['filter', 'KUBE-PROXY-FIREWALL', 'INPUT', 'kubernetes load balancer firewall', true],
  ['filter', 'KUBE-PROXY-FIREWALL', 'OUTPUT', 'kubernetes load balancer firewall', true],
  ['filter', 'KUBE-PROXY-FIREWALL', 'FORWARD', 'kubernetes load balancer firewall', true],
  ['nat', 'KUBE-SERVICES', 'OUTPUT', 'kubernetes service portals', false],
  ['nat', 'KUBE-SERVICES', 'PREROUTING', 'kubernetes service portals', false],
  ['nat', 'KUBE-POSTROUTING', 'POSTROUTING', 'kubernetes postrouting rules', false],
  ['filter', 'KUBE-FIREWALL', 'INPUT', '', false],
  ['filter', 'KUBE-FIREWALL', 'OUTPUT', '', false],
]; // prettier-ignore
const FILTER_CHAINS = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL']; // prettier-ignore
const NAT_CHAINS = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', MARK_MASQ];
/** Source: largeClusterEndpointsThreshold. */
const LARGE = 1_000;
const ownerOf = (port: PortPlan): string => `${port.service}:${port.portName}/${port.protocol}`;

/** One family's chains as they should be, and the input of iptables-restore that leads there. Pure but for what it remembers. */
export class IptablesTable {
  readonly family: Family;
  /** Rules in chains that are shared. */
  readonly #shared = new Map<string, Pick<Rendered, 'filter' | 'nat'>>();
  /** The number of endpoints of each port: what makes a cluster large. */
  readonly #sizes = new Map<string, number>();
  #size = 0;

  constructor(family: Family) {
    this.family = family;
  }
  /** Everything. `present`: what iptables-save says of both tables. */
  rebuild(services: Iterable<ServicePlan>, present: string, settings: ProxySettings): string {
    this.#shared.clear();
    this.#sizes.clear();
    this.#size = 0;
    const ports = [...services].flatMap(({ ports: of }) => this.#mine(of));
    for (const port of ports) this.#count(ownerOf(port), port.reachable.length);
    const chains = new Map<string, readonly string[]>();
    for (const port of ports) {
      const rendered = render(port, settings, this.#isLarge);
      this.#shared.set(ownerOf(port), rendered);
      for (const [name, rules] of rendered.chains) chains.set(name, rules);
    }
    const { nat, filter } = tablesOf(present);
    const gone = [...nat.chains].filter((name) => isOfService(name) && !chains.has(name));
    const jumps = JUMPS.filter(([table, to, from]) => !(table === 'nat' ? nat : filter).jumps.has(`${from} ${to}`));
    return this.#input(chains, gone, settings, jumps);
  }
  /** What these changes come to; empty: nothing. */
  update(changes: readonly Change[], settings: ProxySettings): string {
    const chains = new Map<string, readonly string[]>();
    const gone: string[] = [];
    let isChanged = false;
    for (const { before, after } of changes) {
      const had = new Map(this.#mine(before?.ports ?? []).map((port) => [ownerOf(port), port]));
      for (const port of this.#mine(after?.ports ?? [])) {
        isChanged = true;
        const owner = ownerOf(port);
        const was = had.get(owner);
        const old: Rendered['chains'] = was === undefined ? new Map() : render(was, settings, this.#isLarge).chains;
        had.delete(owner);
        this.#count(owner, port.reachable.length);
        const rendered = render(port, settings, this.#isLarge);
        this.#shared.set(owner, { filter: rendered.filter, nat: rendered.nat });
        for (const [name, rules] of rendered.chains) chains.set(name, rules);
        gone.push(...[...old.keys()].filter((name) => !rendered.chains.has(name)));
      }
      for (const [owner, port] of had) {
        isChanged = true;
        this.#shared.delete(owner);
        this.#count(owner, 0);
        gone.push(...render(port, settings, this.#isLarge).chains.keys());
      }
    }
    return isChanged ? this.#input(chains, gone, settings, []) : '';
  }
  /** Takes all away that `present` (what iptables-save says) shows of ours, and what leads there; '' where nothing does. */
  removal(present: string): string {
    const { nat, filter } = tablesOf(present);
    const of = (table: 'filter' | 'nat', { chains, rules }: ReturnType<typeof tablesOf>['nat']): string[] => {
      const ours = [...chains].filter((name) => name.startsWith('KUBE-'));
      // Of another mode too: a chain that anything leads to cannot be removed.
      const jumps = rules.filter((rule) => !rule.startsWith('-A KUBE-') && / -j KUBE-\S+$/.test(rule));
      if (ours.length === 0 && jumps.length === 0) return [];
      return [
        `*${table}`,
        ...ours.map(emptied),
        ...jumps.map((rule) => `-D${rule.slice(2)}`),
        ...ours.map((name) => `-X ${name}`),
        'COMMIT',
      ];
    };
    const lines = [...of('filter', filter), ...of('nat', nat)];
    return lines.length === 0 ? '' : [...lines, ''].join('\n');
  }
  get #isLarge(): boolean {
    return this.#size > LARGE;
  }
  #count(owner: string, now: number): void {
    this.#size += now - (this.#sizes.get(owner) ?? 0);
    if (now === 0) this.#sizes.delete(owner);
    else this.#sizes.set(owner, now);
  }
  #mine(ports: readonly PortPlan[]): readonly PortPlan[] {
    return ports.filter(({ family }) => family === this.family);
  }
  #input(chains: ReadonlyMap<string, readonly string[]>, gone: readonly string[], settings: ProxySettings, jumps: typeof JUMPS): string {
    const isV4 = this.family === 4;
    const shared = [...this.#shared].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, rules]) => rules);
    const append = (rule: string): string => `-A ${rule}`;
    const jumped = (table: 'filter' | 'nat'): string[] =>
      jumps.flatMap(([of, to, from, comment, isForNew]) =>
        of === table ? `-I ${from} 1 ${isForNew ? '-m conntrack --ctstate NEW ' : ''}${comment === '' ? '' : `-m comment --comment "${comment}" `}-j ${to}` : [],
      );
    const nodePortIPs = settings.nodePortIPs?.filter((text) => text.includes(':') !== isV4);
    const last = 'KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';
    const noLocalhost = isV4 ? '' : ' ! -d ::1/128';
    return [
      '*filter',
      ...FILTER_CHAINS.map(emptied),
      emptied('KUBE-FIREWALL'),
      // Where node ports answer on the loopback, who is elsewhere could reach what listens there.
      ...(isV4 ? ['-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP'] : []),
      ...shared.flatMap(({ filter }) => filter.map(append)),
      '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
      `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j ACCEPT`,
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      ...jumped('filter'),
      'COMMIT',
      '*nat',
      ...NAT_CHAINS.map(emptied),
      ...[...chains.keys(), ...gone].map(emptied),
      `-A KUBE-POSTROUTING -m mark ! --mark ${MASQUERADE_MARK}/${MASQUERADE_MARK} -j RETURN`,
      `-A KUBE-POSTROUTING -j MARK --xor-mark ${MASQUERADE_MARK}`,
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
      `-A ${MARK_MASQ} -j MARK --or-mark ${MASQUERADE_MARK}`,
      ...shared.flatMap(({ nat }) => nat.map(append)),
      ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
      ...(nodePortIPs === undefined
        ? [`-A ${last} -m addrtype --dst-type LOCAL${noLocalhost} -j KUBE-NODEPORTS`]
        : nodePortIPs.map((ip) => `-A ${last} -d ${ip} -j KUBE-NODEPORTS`)),
      ...jumped('nat'),
      ...gone.map((name) => `-X ${name}`),
      'COMMIT',
      '',
    ].join('\n');
  } // prettier-ignore
}
const emptied = (chain: string): string => `:${chain} - [0:0]`;

/** What iptables-save says, by table. */
function tablesOf(present: string) {
  const empty = () => ({ chains: new Set<string>(), jumps: new Set<string>(), rules: [] as string[] });
  const tables = { nat: empty(), filter: empty() };
  let table: ReturnType<typeof empty> | undefined;
  for (const line of present.split('\n'))
    if (line.startsWith('*')) table = tables[line.slice(1) as 'nat' | 'filter'];
    else if (line.startsWith(':')) table?.chains.add(line.slice(1, line.indexOf(' ')));
    else if (line.startsWith('-A ')) {
      table?.rules.push(line);
      table?.jumps.add(`${line.slice(3, line.indexOf(' ', 3))} ${line.slice(line.lastIndexOf(' ') + 1)}`);
    }
  return tables;
}
