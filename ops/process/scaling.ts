import { ApiError } from '../../schemas/meta/status.ts';
import { writeConfig, type ClusterConfig } from '../cluster/config.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import type { ControlAnswer, ControlRequest } from './control.ts';
import { addonOf, ADDONS, addonsOf } from './addons.ts';
import { isScalable, SCALABLE, type Replicas, type Scalable } from './replicas.ts';
import { nodeNames } from './spec.ts';

/** More is not tried on one machine. */
const MAX_REPLICAS = 32;
const MAX_NODES = 5000;
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
  readonly warn: (text: string) => void;
}): Scaling {
  const { paths, replicas } = o;
  let { config } = o;
  let nodeTurn: Promise<unknown> = Promise.resolve();
  const keep = (change: Partial<ClusterConfig>): void => {
    config = { ...config, ...change };
    writeConfig(paths, config);
  };
  const answer = (): ControlAnswer => ({ replicas: replicas.list(), nodes: config.nodes });
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
    const most = isNodes ? MAX_NODES : MAX_REPLICAS;
    const least = NEEDED.includes(name) ? 1 : 0;
    if (Number.isInteger(wanted) && wanted >= least && wanted <= most) return;
    throw refusal(
      `${name} can have from ${least} to ${most} ${isNodes ? 'nodes' : 'replicas'}, not ${wanted}${wanted === 0 ? ': to stop the whole cluster: kubus down' : ''}`,
    );
  };
  const scaleNodes = (wanted: number): Promise<void> => {
    const change = async (): Promise<void> => {
      const before = nodeNames(config);
      const next = { ...config, nodes: wanted };
      const leaving = before.slice(wanted);
      if (leaving.length > 0) {
        const { removeNodes } = await import('../cluster/remove-nodes.ts');
        await removeNodes(paths, leaving, () => o.setNodes(next));
      } else await o.setNodes(next);
      keep({ nodes: wanted });
    };
    const turn = nodeTurn.then(change, change);
    nodeTurn = turn.catch(() => undefined);
    return turn;
  };
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
