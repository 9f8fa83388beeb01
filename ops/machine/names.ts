import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { NODE_ROOT } from '../../node-agent/host/paths.ts';

/** What a cluster with real nodes leaves on its machine goes by these names, so that it is found when nobody is left to tell. */
export interface MachineNames {
  /** Six hex digits, of the cluster's folder: the same name may stand for clusters of several users. */
  readonly id: string;
  /** Of the host; all nodes are on it. At most 15 characters, as for every interface. */
  readonly bridge: string;
  /** The host's ends of the nodes' cables begin with this. */
  readonly cables: string;
  /** nftables table of the host. */
  readonly table: string;
  /** In each hierarchy; nodes are below it. */
  readonly cgroup: string;
  /** What rules in tables of others are known by. */
  readonly comment: string;
}
export function machineNames(clusterDir: string): MachineNames {
  const id = createHash('sha256').update(clusterDir).digest('hex').slice(0, 6);
  return {
    id,
    bridge: `kb${id}`,
    cables: `kb${id}n`,
    table: `kubus-${id}`,
    cgroup: `kubus-${id}`,
    comment: `kubus-${id}`,
  };
}
/** By the node's place in the cluster's range. */
export const cableOf = (names: MachineNames, place: number): string => `${names.cables}${place}`;
/** The node's end of it. */
export const CABLE = 'eth0';
/** Path of a node's cgroup in each hierarchy: what it runs is below. */
export const nodeCgroup = (names: MachineNames, node: string): string => `/${names.cgroup}/${node}`;

/** Where the cluster's folder keeps what is of this machine's nodes. */
export interface MachinePaths {
  readonly dir: string;
  /** First process of nodes. */
  readonly pause: string;
  /** What must be undone when nobody is left who knows. */
  readonly record: string;
  node(name: string): string;
}
export const machinePaths = (clusterDir: string): MachinePaths => {
  const dir = join(clusterDir, 'machines');
  return {
    dir,
    pause: join(dir, 'pause'),
    record: join(dir, 'record.json'),
    node: (name) => join(dir, name),
  };
};
/** Of a node's folder, seen from within: the bus. */
export const BUS_SOCKET = 'bus.sock';
export const busSocketInside = `${NODE_ROOT}/${BUS_SOCKET}`;
