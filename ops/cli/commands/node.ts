import { createApiClient } from '../../../actors/runtime/client.ts';
import { KEY_LABEL, REVOKED_LABEL } from '../../../actors/runtime/node-labels.ts';
import { nodes } from '../../../actors/runtime/resources.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { requireCluster, requireUp } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { askSupervisor } from '../../process/control.ts';
import { print, Progress, UserError } from '../output.ts';

const PATIENCE_MS = 5 * 60_000;

/** One more node of the cluster that runs here. */
export async function add(
  node: string | undefined,
  options: { name: string; runtime?: 'simulated' | 'cri' },
): Promise<void> {
  const { name, runtime } = options;
  const { paths } = requireUp(name);
  const { added = [] } = await new Progress().step(`one more node in "${name}"`, () =>
    askSupervisor(paths, name, { type: 'addNode', name: node, runtime }, PATIENCE_MS),
  );
  print(`node ${added.join(', ')} is there. Images of kubus load have to be loaded again for it.`);
}
/** Cordons it, evicts its pods within disruption budgets, and ends it. */
export async function remove(node: string, { name }: { name: string }): Promise<void> {
  const { paths } = requireUp(name);
  await new Progress().step(`draining and ending ${node}`, () =>
    askSupervisor(paths, name, { type: 'removeNode', name: node }, PATIENCE_MS),
  );
  print(`node ${node} is gone.`);
}

export async function revoke(name: string, options: { name: string }): Promise<void> {
  const { bus, world } = await connectTool(requireCluster(options.name).paths, 'admin');
  try {
    const client = createApiClient(bus, world, 'admin');
    const node = await client.get<Node>(nodes, name);
    if (node.metadata.labels?.[KEY_LABEL] === undefined)
      throw new UserError(`node "${name}" did not join by a token: it has no key that could be revoked`);
    const labels = { [REVOKED_LABEL]: 'true' };
    await client.patch(nodes, name, undefined, 'merge', { metadata: { labels } });
  } catch (error) {
    throw reasonOf(error) === 'NotFound' ? new UserError(`there is no node "${name}": see kubectl get nodes`) : error;
  } finally {
    await bus.drain();
  }
  print(`node ${name} is cut off. To let a machine in under this name again: kubectl delete node ${name}`);
}
