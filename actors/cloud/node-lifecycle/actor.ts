import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { source } from '../../runtime/source.ts';
import { call } from '../calls.ts';
import type { CloudDeps } from '../deps.ts';
import type { Instances } from '../provider.ts';
import { isMarked, isReady, mark, removalFailed, remove, unmark } from './reconcile.ts';

/** How often the cloud is asked about a node that is not ready. Source: --node-monitor-period. */
const MONITOR_MS = 5_000;

/** Deletes nodes whose instances are gone, and marks those whose instances are shut down; only of nodes that are not ready the cloud is asked. */
export function startCloudNodeLifecycle(deps: CloudDeps, instances: Instances): Controller {
  const { world } = deps;
  const client = deps.client('controller:cloud-node-lifecycle');
  const log = world.log.child({ actor: 'controller:cloud-node-lifecycle' });
  const nodes = deps.informers.for<Node>(nodesResource);

  /** What the cloud does not say is no reason to do anything. */
  async function judge(node: Node, { execute, signal }: SyncContext): Promise<void> {
    const { name } = node.metadata;
    const exists = await call(world, `whether node ${name} exists`, signal, (s) => instances.exists(node, s));
    if (!exists) {
      try {
        await execute(remove(node));
      } catch (error) {
        await execute([removalFailed(node, error as Error)]);
        throw error;
      }
      return;
    }
    if (isMarked(node)) return;
    if (await call(world, `whether node ${name} is shut down`, signal, (s) => instances.isShutdown(node, s)))
      await execute(mark(node));
  }
  async function sync(context: SyncContext): Promise<SyncOutput> {
    const { key, execute, signal } = context;
    const node = nodes.get(key);
    if (!node) return {};
    if (isReady(node)) {
      await execute(unmark(node));
      return {};
    }
    try {
      await judge(node, context);
    } catch (err) {
      signal.throwIfAborted();
      log.warn('the instance of a node could not be looked at', { node: key, err });
    }
    return { requeueAfterMs: MONITOR_MS };
  }
  return startController({
    name: 'cloud-node-lifecycle',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'cloud-node-lifecycle-controller'),
    sources: [
      source(nodes, function* (node, old) {
        if (old && isReady(node) && isReady(old) && !isMarked(node)) return;
        // While it is not ready its heartbeats are no news: the cloud is asked every five seconds anyway.
        if (old && !isReady(node) && !isReady(old)) return;
        if (isReady(node) && !isMarked(node) && !old) return;
        yield node.metadata.name!;
      }),
    ],
    sync,
  });
}
