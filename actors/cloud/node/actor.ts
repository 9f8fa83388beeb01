import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { source } from '../../runtime/source.ts';
import { call } from '../calls.ts';
import type { CloudDeps } from '../deps.ts';
import type { InstanceMetadata, Instances } from '../provider.ts';
import { followingLabels } from './labels.ts';
import { nodeMetrics } from './metrics.ts';
import { initialize, isInitialized, relabel, reportAddresses } from './reconcile.ts';

/** No node's name: all nodes' addresses are looked at. */
const ALL = '/addresses';
/** Source: --node-status-update-frequency. */
const ADDRESSES_MS = 5 * 60_000;

/** Makes fresh nodes the cloud's, and keeps their addresses and labels as the cloud has them. */
export function startCloudNode(deps: CloudDeps, instances: Instances): Controller {
  const { world } = deps;
  const client = deps.client('controller:cloud-node');
  const log = world.log.child({ actor: 'controller:cloud-node' });
  const nodes = deps.informers.for<Node>(nodesResource);
  const metrics = nodeMetrics(deps.metrics);
  const metadataOf = (node: Node, signal: AbortSignal): Promise<InstanceMetadata | undefined> =>
    call(world, `metadata of node ${node.metadata.name}`, signal, (s) => instances.metadata(node, s));

  async function sync({ key, execute, signal }: SyncContext): Promise<SyncOutput> {
    if (key === ALL) return refresh(execute, signal);
    const node = nodes.get(key);
    if (!node) return {};
    if (isInitialized(node)) {
      await execute(relabel(node));
      return {};
    }
    let told: InstanceMetadata | undefined;
    try {
      told = await metadataOf(node, signal);
    } catch (error) {
      throw new Error(`failed to get instance metadata for node ${key}: ${(error as Error).message}`, { cause: error });
    }
    if (told === undefined) return {};
    await execute(initialize(node, told));
    metrics.initialized(node, world.clock.now());
    return {};
  }
  /** One node's trouble is no other's. */
  async function refresh(execute: SyncContext['execute'], signal: AbortSignal): Promise<SyncOutput> {
    for (const node of nodes.all()) {
      if (!isInitialized(node)) continue;
      try {
        const told = await metadataOf(node, signal);
        await execute(reportAddresses(node, told?.addresses ?? []));
      } catch (err) {
        signal.throwIfAborted();
        log.warn('addresses of a node not updated', { node: node.metadata.name, err });
      }
    }
    return { requeueAfterMs: ADDRESSES_MS };
  }
  return startController({
    name: 'cloud-node',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'cloud-node-controller'),
    sources: [
      source(nodes, function* (node) {
        if (!isInitialized(node) || Object.keys(followingLabels(node)).length > 0) yield node.metadata.name!;
      }),
    ],
    onActive: (enqueue) => enqueue(ALL),
    sync,
  });
}
