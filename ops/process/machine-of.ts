import { realWorld } from '../../bus/real-world.ts';
import { sixOf } from '../../node-agent/network/routes/six.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { rangesOfBalancers } from '../cluster/load-balancers.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import type { OpenPort } from '../machine/firewall.ts';
import { addressesOfApiServers } from '../machine/api-servers.ts';
import { openMachine, type Machine } from '../machine/nodes.ts';
import { busSocketInside, machineNames, nodeCgroup } from '../machine/names.ts';
import { requireTools } from '../machine/tools.ts';
import { addressAt, USUAL_PODS } from '../machine/ranges.ts';

/** Where addresses of services come from unless somebody says otherwise. */
const SERVICE_RANGE = '10.96.0.0/16';

const dnsPorts = ({ dns }: ClusterConfig): OpenPort[] =>
  dns === undefined
    ? []
    : [
        { protocol: 'udp', port: dns.port },
        { protocol: 'tcp', port: dns.port },
      ];
/** The machine's part of a cluster with real nodes; none of them runs yet. Thrown: UserError with what is missing here. */
export async function machineOf(o: {
  readonly config: ClusterConfig;
  readonly paths: ClusterPaths;
  readonly host: string;
  readonly warn: (text: string) => void;
}): Promise<Machine> {
  const { config, paths, host } = o;
  const { machine } = config;
  if (machine === undefined) throw new Error('this cluster has no real nodes');
  const { cniPlugins } = requireTools();
  const names = machineNames(paths.dir);
  const pods = config.clusterCidrs ?? [USUAL_PODS];
  const hasSix = pods.some((cidr) => cidr.includes(':'));
  try {
    return await openMachine({
      world: realWorld({ component: 'machine', level: 'silent' }),
      clusterDir: paths.dir,
      logs: paths.logs,
      range: machine.range,
      pods,
      services: config.serviceCidrs ?? [SERVICE_RANGE],
      balancers: rangesOfBalancers(config),
      natsPort: config.natsPort,
      open: [{ protocol: 'tcp', port: config.port }, ...dnsPorts(config)],
      processOf: ({ name, place }) => ({
        name,
        id: name,
        components: ['nodes'],
        dir: paths.dir,
        host,
        nodes: [name],
        podCIDRs: 'byCluster',
        real: {
          name,
          ip: addressAt(machine.range, place),
          secondIP: hasSix ? sixOf(addressAt(machine.range, place)) : undefined,
          apiServers: addressesOfApiServers(config),
          cgroup: nodeCgroup(names, name),
          bus: busSocketInside,
          cniPlugins,
        },
      }),
      warn: o.warn,
    });
  } catch (error) {
    throw new UserError(`the network of real nodes cannot be made: ${(error as Error).message}: see kubus doctor`);
  }
}
