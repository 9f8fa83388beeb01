import { KEY_LABEL, REVOKED_LABEL } from '../../../actors/node-authenticator/reconcile.ts';
import { createApiClient } from '../../../actors/runtime/client.ts';
import { nodes } from '../../../actors/runtime/resources.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { requireCluster } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { print, UserError } from '../output.ts';

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
