import { realWorld } from '../../bus/real-world.ts';
import { machineCommands } from '../../node-agent/host/commands.ts';
import { UserError } from '../cli/output.ts';
import { clusterNames, locate, readConfig, realNodes, type ClusterConfig, type MachineConfig } from '../cluster/config.ts'; // prettier-ignore
import { balancerRanges, freeRange, MAX_PLACE, nodeRanges, podRanges, routedRanges, USUAL_PODS } from './ranges.ts';

/** What a cluster's nodes are to be. */
export interface NodeWish {
  readonly runtime: 'simulated' | 'cri' | 'auto';
  /** Of that runtime. */
  readonly nodes?: number | undefined;
}
type Before = Pick<ClusterConfig, 'name' | 'nodes' | 'runtime' | 'machine' | 'clusterCidrs'>;
type Settled = Pick<ClusterConfig, 'nodes' | 'runtime'> & Partial<Pick<ClusterConfig, 'machine' | 'clusterCidrs'>>;

/** Thrown: UserError where this user cannot have real nodes here. */
export function checkCanHaveRealNodes(platform = process.platform, uid = process.getuid?.()): void {
  if (platform !== 'linux')
    throw new UserError(
      'real nodes need Linux: leave out --runtime cri for simulated ones, or use docker compose --profile containers up',
    );
  if (uid !== 0)
    throw new UserError(
      'real nodes need root, for namespaces, networks and containers: sudo ./kubus up --runtime cri; or leave out --runtime cri for simulated nodes',
    );
}
/**
 * What is wished for over what the cluster was. Ranges are chosen once, beside all that this machine has routes to, and
 * kept. Simulated is what nodes are unless somebody says otherwise.
 */
export async function settleNodes(wish: NodeWish, name: string, before: Before | undefined, clusterCidrs: readonly string[] | undefined): Promise<Settled> {
  const runtime = wish.runtime === 'auto' ? (before?.runtime ?? 'simulated') : wish.runtime;
  const { machine } = before ?? {};
  if (runtime === 'simulated') {
    if (machine !== undefined && realNodes({ machine }).length > 0) checkCanHaveRealNodes();
    return { runtime, nodes: wish.nodes ?? before?.nodes ?? 1, ...(machine && { machine }), ...(clusterCidrs && { clusterCidrs }) };
  }
  checkCanHaveRealNodes();
  const settled = await chooseRanges(name, machine, before === undefined ? undefined : (clusterCidrs ?? []), clusterCidrs);
  const wanted = wish.nodes ?? (machine === undefined ? 1 : realNodes({ machine }).length);
  return {
    runtime,
    nodes: before?.nodes ?? 0,
    machine: { range: settled.range, balancers: settled.balancers, nodes: nodesOf(name, machine?.nodes ?? [], wanted) },
    ...(settled.clusterCidrs && { clusterCidrs: settled.clusterCidrs }),
  };
} // prettier-ignore

/** Those there are, and as many more as are wanted; places and names that are free come first. Thrown: UserError. */
export function nodesOf(cluster: string, present: MachineConfig['nodes'], wanted: number): MachineConfig['nodes'] {
  const nodes = present.slice(0, wanted);
  while (nodes.length < wanted) nodes.push(nextNode(cluster, nodes));
  return nodes;
}
/** Thrown: UserError where the range is used up, or the name taken. */
export function nextNode(
  cluster: string,
  present: MachineConfig['nodes'],
  name?: string,
): MachineConfig['nodes'][number] {
  let place = 2;
  while (present.some((node) => node.place === place)) place++;
  if (place > MAX_PLACE) throw new UserError(`a machine has at most ${MAX_PLACE - 1} real nodes`);
  let number = 1;
  const usual = (): string => `${cluster}-worker-${number}`;
  while (present.some((node) => node.name === usual())) number++;
  return { name: name ?? usual(), place };
}
interface Ranges {
  readonly range: string;
  readonly balancers: string;
  readonly clusterCidrs?: readonly string[] | undefined;
}
/** Of this user's other clusters, which may be up another time. */
const rangesOfOthers = (name: string): string[] =>
  clusterNames()
    .filter((other) => other !== name)
    .flatMap((other) => {
      try {
        const { machine, clusterCidrs = [USUAL_PODS] } = readConfig(locate(other)) ?? {};
        return machine === undefined ? [] : [machine.range, ...(machine.balancers ? [machine.balancers] : []), ...clusterCidrs];
      } catch {
        return [];
      }
    }); // prettier-ignore
/** `machine`: what it has stays. `kept`: undefined where a range of pods may be chosen too. */
async function chooseRanges(name: string, machine: MachineConfig | undefined, kept: readonly string[] | undefined, asked: readonly string[] | undefined): Promise<Ranges> {
  if (machine?.balancers !== undefined) return { range: machine.range, balancers: machine.balancers, clusterCidrs: asked };
  const commands = machineCommands(realWorld({ component: 'machine', level: 'silent' }));
  const routes = async (family: string): Promise<string[]> =>
    routedRanges((await commands.run('ip', ['-json', family, 'route', 'show', 'table', 'all'])).stdout);
  const taken = [...(await routes('-4')), ...rangesOfOthers(name)];
  const usual = podRanges();
  const pods = asked?.[0] ?? (kept === undefined ? freeRange(usual, taken) : undefined);
  const others = [...taken, ...(asked ?? []), ...(pods === undefined ? [] : [pods])];
  const range = machine?.range ?? freeRange(nodeRanges(), others);
  const balancers = range && freeRange(balancerRanges(), [...others, range]);
  if (range === undefined || balancers === undefined)
    throw new UserError('this machine has routes to all private addresses: none are left for nodes and load balancers');
  return { range, balancers, clusterCidrs: asked ?? (pods === undefined || pods === USUAL_PODS ? undefined : [pods]) };
} // prettier-ignore
