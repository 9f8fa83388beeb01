import type { Commands } from '../../node-agent/host/commands.ts';
import { SIX_BITS, sixOf } from '../../node-agent/network/routes/six.ts';
import { openFirewall, type OpenPort } from './firewall.ts';
import { CABLE, cableOf, type MachineNames } from './names.ts';
import { addressAt, API_SERVERS_PLACE, HOST_PLACE, overlaps, prefixOf, routedRanges, shadowedBy } from './ranges.ts';

/** A node's place on the cluster's bridge. */
export interface Place {
  readonly place: number;
  /** Of the first process of the node's namespaces. */
  readonly pid: number;
}
/** What the machine has of the cluster's network: one bridge, to which each node has a cable. */
export interface MachineNetwork {
  /** The machine's own address there. */
  readonly address: string;
  plug(node: Place, commands: Commands): Promise<void>;
  /** With its routes. */
  unplug(place: number): Promise<void>;
  /** The node has these addresses of pods: whoever is on this machine reaches them. */
  route(place: number, podCIDRs: readonly string[]): Promise<void>;
}

/** Thrown: CommandError, or Error about `balancers`. With `pods` of IPv6 this machine and its nodes have addresses of it too. */
export async function openNetwork(o: {
  readonly commands: Commands;
  readonly names: MachineNames;
  /** Of the nodes' addresses, and the machine's there. */
  readonly range: string;
  readonly pods: readonly string[];
  readonly services: readonly string[];
  /** Of load balancers: this machine has whatever addresses they hold. */
  readonly balancers: readonly string[];
  /** What pods are to reach of this machine, whatever its firewall says. */
  readonly open: readonly OpenPort[];
}): Promise<MachineNetwork> {
  const { commands, names, range } = o;
  const { bridge } = names;
  const address = addressAt(range, HOST_PLACE);
  const bits = prefixOf(range);
  const hasSix = o.pods.some(isSix);
  const mtu = await mtuOf(commands);
  const batch = (lines: readonly string[], on = commands): Promise<string> =>
    lines.length === 0 ? Promise.resolve('') : on.must('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
  const balancers = o.balancers.filter((cidr) => !cidr.startsWith('127.'));
  await checkFree(commands, balancers, [range, ...o.pods, ...o.services]);
  await batch([
    `link add name ${bridge} type bridge`,
    `link set dev ${bridge} mtu ${mtu} up`,
    `address add ${address}/${bits} dev ${bridge}`,
    `address add ${addressAt(range, API_SERVERS_PLACE)}/${bits} dev ${bridge}`,
    ...(hasSix ? sixOfMachine(range, bridge) : []),
    // One can listen on all of them then; of IPv6 each has to be an interface's own.
    ...balancers.filter((cidr) => !isSix(cidr)).map((cidr) => `route add local ${cidr} dev ${bridge} src ${address}`),
  ]);
  await commands.must('nft', ['-f', '-'], { input: masqueradeRules(names, [range, ...o.pods]) });
  await openFirewall(commands, names, address, o.open);
  return {
    address,
    async plug({ place, pid }, inside) {
      const cable = cableOf(names, place);
      await batch([
        `link add name ${cable} mtu ${mtu} type veth peer name ${CABLE} address ${hardwareAddress(addressAt(range, place))} mtu ${mtu} netns ${pid}`,
        `link set dev ${cable} master ${bridge} up`,
      ]);
      await batch(
        [
          'link set dev lo up',
          `address add ${addressAt(range, place)}/${bits} dev ${CABLE}`,
          `link set dev ${CABLE} up`,
          `route add default via ${address}`,
          ...(hasSix ? sixOfNode(addressAt(range, place), address, [...o.services, ...balancers]) : []),
        ],
        inside,
      );
    },
    unplug: async (place) => {
      await commands.run('ip', ['link', 'delete', 'dev', cableOf(names, place)]);
      const node = addressAt(range, place);
      await commands.run('ip', ['route', 'flush', 'via', node]);
      if (hasSix) await commands.run('ip', ['-6', 'route', 'flush', 'via', sixOf(node)]);
    },
    route: async (place, podCIDRs) =>
      void (await batch(
        podCIDRs
          .filter((cidr) => hasSix || !isSix(cidr))
          .map((cidr) => {
            const node = addressAt(range, place);
            return `route replace ${cidr} via ${isSix(cidr) ? sixOf(node) : node} dev ${bridge}`;
          }),
      )),
  };
}
const isSix = (cidr: string): boolean => cidr.includes(':');
/** Other clusters have a part of that range too. Deprecated is what nothing is said by unless somebody asks for it. */
const sixOfMachine = (range: string, bridge: string): string[] => {
  const bits = SIX_BITS + Number(prefixOf(range));
  return [
    `address add ${sixOf(addressAt(range, HOST_PLACE))}/${bits} dev ${bridge} nodad`,
    `address add ${sixOf(addressAt(range, API_SERVERS_PLACE))}/${bits} dev ${bridge} nodad preferred_lft 0`,
  ];
};
/**
 * What a node needs for IPv6. It has a way to services and load balancers, on which what the node itself asks of them is turned
 * to their endpoints, and none to the world: this machine passes nothing on for IPv6, as it would be no host to its own routers
 * any more if it did.
 */
const sixOfNode = (node: string, machine: string, ranges: readonly string[]): string[] => [
  `address add ${sixOf(node)}/${SIX_BITS} dev ${CABLE} nodad`,
  ...ranges.filter(isSix).map((cidr) => `route add ${cidr} via ${sixOf(machine)} dev ${CABLE}`),
];
/** Thrown: Error where this machine, or the cluster, would not reach something any more that it reaches now. */
async function checkFree(commands: Commands, balancers: readonly string[], own: readonly string[]): Promise<void> {
  for (const cidr of balancers) {
    const said = await commands.must('ip', ['-json', isSix(cidr) ? '-6' : '-4', 'route', 'show', 'table', 'all']);
    const other = own.find((range) => overlaps(range, cidr)) ?? shadowedBy(cidr, routedRanges(said));
    if (other !== undefined) throw new Error(`load balancers cannot have addresses of ${cidr}, where ${other} is: choose another --load-balancer-range`); // prettier-ignore
  }
}
/** The same each time a node begins, so that its neighbours need not find out that what they know of it is old. */
const hardwareAddress = (ip: string): string =>
  ['02', '6b', ...ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
/** What leaves the machine leaves by its address; what stays on it keeps who it is from. What others on this machine say from such addresses, behind bridges of their own, is theirs. */
export const masqueradeRules = ({ table, bridge }: MachineNames, ranges: readonly string[]): string => {
  const own = ranges.filter((range) => !range.includes(':'));
  return `table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    iifname "${bridge}" ip saddr { ${own.join(', ')} } oifname != "${bridge}" masquerade
  }
}
`;
};
/** Of the way out of this machine: larger packets would be broken up, or lost. */
async function mtuOf(commands: Commands): Promise<number> {
  const routes = JSON.parse((await commands.must('ip', ['-json', 'route', 'show', 'default'])) || '[]') as readonly {
    readonly dev?: string;
  }[];
  const dev = routes[0]?.dev;
  if (dev === undefined) return USUAL_MTU;
  const links = JSON.parse((await commands.must('ip', ['-json', 'link', 'show', 'dev', dev])) || '[]') as readonly {
    readonly mtu?: number;
  }[];
  return Math.min(links[0]?.mtu ?? USUAL_MTU, USUAL_MTU);
}
const USUAL_MTU = 1500;
