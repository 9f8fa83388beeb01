import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { reconcile, says, stepOf, ttlOf } from './reconcile.ts';

/** Annotates nodes with the time for which their kubelets may use what they have read. */
export function startNodeTtl(deps: ControllerDeps): Controller {
  const nodes = deps.informers.for<Node>(nodesResource);
  let step = 0;
  function* keysOf(node: Node): Iterable<string> {
    const before = step;
    step = stepOf(nodes.size, step);
    if (step !== before) for (const { metadata } of nodes.all()) yield metadata.name!;
    else if (!says(node, ttlOf(step))) yield node.metadata.name!;
  }
  return startController({
    name: 'node-ttl',
    ...deps,
    client: deps.client('controller:node-ttl'),
    sources: [source(nodes, keysOf)],
    sync: reconciling((name) => {
      const node = nodes.get(name);
      return node && { node, ttl: ttlOf(step) };
    }, reconcile),
  });
}
