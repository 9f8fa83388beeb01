import { ApiError } from '../../schemas/meta/status.ts';
import { realNodes, writeConfig, type ClusterConfig, type MachineConfig } from '../cluster/config.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { nextNode, nodesOf } from '../machine/settle.ts';
import type { ControlAnswer, ControlRequest } from './control.ts';
import { addonOf, ADDONS, addonsOf } from './addons.ts';
import { isScalable, SCALABLE, type Replicas, type Scalable } from './replicas.ts';
import { nodeNames } from './spec.ts';

/** More is not tried on one machine. */
const MAX_REPLICAS = 32;
const MAX_NODES = 5000;
const MAX_REAL_NODES = 100;
const isNodeName = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name);
/** What the cluster cannot be without. */
const NEEDED: readonly string[] = ['etcd', 'apiserver'];

export interface Scaling {
  answer(request: ControlRequest): Promise<ControlAnswer>;
  /** As many replicas as the configuration says, of the components that run: `--only` may have left some out since. */
  resume(): Promise<void>;
}
/** Carries out what people wish of a running cluster, and keeps the wish for its next start. */
export function createScaling(o: {
  readonly paths: ClusterPaths;
  readonly config: ClusterConfig;
  readonly replicas: Replicas;
  /** Has these nodes run from now on; tells the bus first, in whose rights they are named. */
  readonly setNodes: (config: ClusterConfig) => Promise<void>;
  /** The same for real nodes; their files go with those that go. */
  readonly setRealNodes: (config: ClusterConfig) => Promise<void>;
  readonly warn: (text: string) => void;
}): Scaling {
  const { paths, replicas } = o;
  let { config } = o;
  let nodeTurn: Promise<unknown> = Promise.resolve();
  const keep = (change: Partial<ClusterConfig>): void => {
    config = { ...config, ...change };
    writeConfig(paths, config);
  };
  const isReal = (): boolean => config.runtime === 'cri';
  const answer = (): ControlAnswer => ({
    replicas: replicas.list(),
    nodes: isReal() ? realNodes(config).length : config.nodes,
  });
  const isMissingAddon = (name: string): boolean =>
    addonOf(name) !== undefined && !addonsOf(config).some((addon) => ADDONS[addon].component === name);
  const choices = (): string[] => SCALABLE.filter((name) => !isMissingAddon(name));
  const check = (name: string, wanted: number): void => {
    const isNodes = name === 'nodes';
    if (!isNodes && !isScalable(name))
      throw refusal(`there is no component "${name}" to scale: choose from ${[...choices(), 'nodes'].join(', ')}`);
    if (addonOf(name) === undefined && config.only !== undefined && !config.only.includes(name))
      throw refusal(`this cluster runs no ${name}: it was started with --only`);
    if (isMissingAddon(name))
      throw refusal(`this cluster runs no ${name}: start it with the add-on, see kubus up --help, --addons`);
    const most = isNodes ? (isReal() ? MAX_REAL_NODES : MAX_NODES) : MAX_REPLICAS;
    const least = NEEDED.includes(name) ? 1 : 0;
    if (Number.isInteger(wanted) && wanted >= least && wanted <= most) return;
    throw refusal(
      `${name} can have from ${least} to ${most} ${isNodes ? 'nodes' : 'replicas'}, not ${wanted}${wanted === 0 ? ': to stop the whole cluster: kubus down' : ''}`,
    );
  };
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = nodeTurn.then(change, change);
    nodeTurn = turn.catch(() => undefined);
    return turn;
  };
  const become = async (next: ClusterConfig, leaving: readonly string[], set: (config: ClusterConfig) => Promise<void>): Promise<void> => {
    if (leaving.length > 0) {
      const { removeNodes } = await import('../cluster/remove-nodes.ts');
      await removeNodes(paths, leaving, () => set(next));
    } else await set(next);
    keep(next);
  }; // prettier-ignore
  const withReal = (nodes: MachineConfig['nodes']): ClusterConfig => ({
    ...config,
    machine: { ...config.machine!, nodes },
  });
  const scaleNodes = (wanted: number): Promise<void> =>
    inTurn(async () => {
      if (!isReal()) return become({ ...config, nodes: wanted }, nodeNames(config).slice(wanted), o.setNodes);
      const before = realNodes(config);
      const leaving = before.slice(wanted).map(({ name }) => name);
      return become(withReal(nodesOf(config.name, before, wanted)), leaving, o.setRealNodes);
    });
  const addNode = (name: string | undefined, runtime = config.runtime): Promise<string> =>
    inTurn(async () => {
      if (runtime === 'simulated') {
        if (name !== undefined) throw refusal('simulated nodes are counted and have no names of their own: leave the name out');
        const next = { ...config, nodes: config.nodes + 1 };
        await become(next, [], o.setNodes);
        return nodeNames(next).at(-1)!;
      }
      if (config.machine === undefined)
        throw refusal(`this cluster was started without real nodes: kubus down --name ${config.name}, and then kubus up --name ${config.name} --runtime cri --nodes 1, which keeps the nodes that it has`);
      const present = realNodes(config);
      if (name !== undefined && !isNodeName(name)) throw refusal(`"${name}" cannot name a node: use up to 63 lower-case letters, digits and '-', beginning and ending with a letter or digit`);
      if (name !== undefined && [...nodeNames(config), ...present.map((n) => n.name)].includes(name)) throw refusal(`there is a node "${name}" already`);
      const node = nextNode(config.name, present, name);
      await become(withReal([...present, node]), [], o.setRealNodes);
      return node.name;
    }); // prettier-ignore
  const removeNode = (name: string): Promise<void> =>
    inTurn(async () => {
      const present = realNodes(config);
      if (present.some((node) => node.name === name))
        return become(withReal(present.filter((node) => node.name !== name)), [name], o.setRealNodes);
      const simulated = nodeNames(config);
      if (simulated.length > 0 && simulated.at(-1) === name)
        return become({ ...config, nodes: config.nodes - 1 }, [name], o.setNodes);
      if (simulated.includes(name))
        throw refusal(`simulated nodes are counted: the last, ${simulated.at(-1)}, goes first`);
      throw refusal(`kubus up runs no node "${name}" here: see kubus kubectl get nodes; one that has joined by a token is ended where it runs`);
    }); // prettier-ignore
  const scaleOne = async (component: Scalable, wanted: number): Promise<void> => {
    keep({ replicas: { ...config.replicas, [component]: wanted } });
    try {
      await replicas.scale(component, wanted);
    } catch (error) {
      // What could not be had is not wished for at the next start either.
      keep({ replicas: { ...config.replicas, [component]: replicas.count(component) } });
      throw error;
    }
  };
  const scale = async (to: Readonly<Record<string, number>>): Promise<void> => {
    const entries = Object.entries(to);
    await Promise.all(
      entries.map(([name, wanted]) => (isScalable(name) ? scaleOne(name, wanted) : scaleNodes(wanted))),
    );
  };
  return {
    resume: () =>
      Promise.all(
        Object.entries(config.replicas ?? {}).map(async ([name, n]) => {
          if (isScalable(name) && n > 1 && replicas.count(name) > 0) await replicas.scale(name, n);
        }),
      ).then(() => undefined),
    answer: async (request) => {
      switch (request.type) {
        case 'list':
          break;
        case 'scale': {
          for (const [name, wanted] of Object.entries(request.to)) check(name, wanted);
          const done = scale(request.to);
          if (request.wait) await done;
          else done.catch((error: unknown) => o.warn(`kubus scale: ${(error as Error).message}`));
          break;
        }
        case 'addNode':
          return { added: [await addNode(request.name, request.runtime)], ...answer() };
        case 'removeNode':
          await removeNode(request.name);
          break;
        case 'restart': {
          const { component } = request;
          const isLeftOut = addonOf(component) === undefined && config.only?.includes(component) === false;
          if (!isScalable(component) || isLeftOut || isMissingAddon(component))
            throw refusal(`there is no component "${component}" to restart: choose from ${choices().join(', ')}`);
          await replicas.restart(component);
          break;
        }
        default:
          throw refusal('the supervisor does not know that request');
      }
      return answer();
    },
  };
}
const refusal = (message: string): ApiError => new ApiError('BadRequest', message);
