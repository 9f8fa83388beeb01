import type { Commands } from '../../node-agent/host/commands.ts';
import { openFirewall, type OpenPort } from './firewall.ts';
import { cableOf, type MachineNames } from './names.ts';
import { addressAt, HOST_PLACE, prefixOf } from './ranges.ts';

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

/** Thrown: CommandError. `pods`: where addresses of pods come from. */
export async function openNetwork(o: {
  readonly commands: Commands;
  readonly names: MachineNames;
  /** Of the nodes' addresses, and the machine's there. */
  readonly range: string;
  readonly pods: readonly string[];
  /** What pods are to reach of this machine, whatever its firewall says. */
  readonly open: readonly OpenPort[];
}): Promise<MachineNetwork> {
  const { commands, names, range } = o;
  const { bridge } = names;
  const address = addressAt(range, HOST_PLACE);
  const bits = prefixOf(range);
  const mtu = await mtuOf(commands);
  const batch = (lines: readonly string[], on = commands): Promise<string> =>
    on.must('ip', ['-batch', '-'], { input: `${lines.join('\n')}\n` });
  await batch([
    `link add name ${bridge} type bridge`,
    `link set dev ${bridge} mtu ${mtu} up`,
    `address add ${address}/${bits} dev ${bridge}`,
  ]);
  await commands.must('nft', ['-f', '-'], { input: masqueradeRules(names, [range, ...o.pods]) });
  await openFirewall(commands, names, address, o.open);
  return {
    address,
    async plug({ place, pid }, inside) {
      const cable = cableOf(names, place);
      await batch([
        `link add name ${cable} mtu ${mtu} type veth peer name eth0 address ${hardwareAddress(addressAt(range, place))} mtu ${mtu} netns ${pid}`,
        `link set dev ${cable} master ${bridge} up`,
      ]);
      await batch(
        [
          'link set dev lo up',
          `address add ${addressAt(range, place)}/${bits} dev eth0`,
          'link set dev eth0 up',
          `route add default via ${address}`,
        ],
        inside,
      );
    },
    unplug: async (place) => {
      await commands.run('ip', ['link', 'delete', 'dev', cableOf(names, place)]);
      await commands.run('ip', ['route', 'flush', 'via', addressAt(range, place)]);
    },
    route: async (place, podCIDRs) =>
      void (await batch(
        podCIDRs
          .filter((cidr) => !cidr.includes(':'))
          .map((cidr) => `route replace ${cidr} via ${addressAt(range, place)} dev ${bridge}`),
      )),
  };
}
/** The same each time a node begins, so that its neighbours need not find out that what they know of it is old. */
const hardwareAddress = (ip: string): string =>
  ['02', '6b', ...ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
/** What leaves the machine leaves by its address; what stays on it keeps who it is from. */
export const masqueradeRules = ({ table, bridge }: MachineNames, ranges: readonly string[]): string => {
  const own = ranges.filter((range) => !range.includes(':'));
  return `table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { ${own.join(', ')} } oifname != "${bridge}" masquerade
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
