import { parseCidr } from '../../../schemas/meta/ip.ts';

/** What the network configuration of a node's pods depends on. */
export interface PodNetworkConfig {
  /** Ranges of the node's pods, at most one of each family, the first one's addresses are `status.podIP`. */
  readonly podCIDRs: readonly string[];
  /** Bytes: of the link to the other nodes, so that no packet between pods has to be cut. */
  readonly mtu: number;
  /** One that every plugin speaks. */
  readonly cniVersion: string;
  /** Folder in which addresses that were given are noted. */
  readonly leases: string;
}
/** Name of the network, and of the folder of its leases. */
export const NETWORK = 'kubus';
/** As `ls` has it first, should there be others: runtimes take the first. */
export const CONFLIST_FILE = '10-kubus.conflist';
/** Those that the configuration names, and what runtimes call by themselves. */
export const PLUGINS = ['ptp', 'host-local', 'portmap', 'loopback'] as const;

/** As `ptp`, where there are addresses of IPv6: see `plugins.ts`. */
export const CONFLICT_FREE = 'kubus-ptp';

/**
 * A network configuration list. Each pod has a link of its own to the node and no other neighbour (`ptp`), so whatever it
 * says is routed by the node: one pod's word to another of the same node meets services' and policies' rules like all
 * else, without br_netfilter, which not every kernel has and no container may load. Source: CNI specification, section 1.
 */
export function conflist({ podCIDRs, mtu, cniVersion, leases }: PodNetworkConfig): string {
  const families = podCIDRs.map((cidr) => parseCidr(cidr)?.family);
  const network = {
    cniVersion,
    name: NETWORK,
    plugins: [
      {
        type: families.includes(6) ? CONFLICT_FREE : 'ptp',
        mtu,
        ipMasq: false,
        ipam: {
          type: 'host-local',
          dataDir: leases,
          ranges: podCIDRs.map((subnet) => [{ subnet }]),
          routes: [...(families.includes(4) ? [{ dst: '0.0.0.0/0' }] : []), ...(families.includes(6) ? [{ dst: '::/0' }] : [])],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
    ],
  }; // prettier-ignore
  return `${JSON.stringify(network, undefined, 2)}\n`;
}

/** The newest version of the specification that is spoken by all of these and by us; `[]`: a plugin that did not say. */
export function commonVersion(spoken: readonly (readonly string[])[]): string {
  const told = spoken.filter((versions) => versions.length > 0);
  return OURS.find((version) => told.every((versions) => versions.includes(version))) ?? OURS[0];
}
/** Those that containerd has known since 1.6, newest first. */
const OURS = ['1.0.0', '0.4.0', '0.3.1'] as const;
