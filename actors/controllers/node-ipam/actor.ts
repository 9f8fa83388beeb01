import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reconciling, source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { indexOf, reconcile, type CidrPlan } from './reconcile.ts';

export const DEFAULT_PLAN: CidrPlan = { cluster: '10.244.0.0/16', nodeMask: 24 };

/** Gives each node a range of addresses for its pods. */
export function startNodeIpam(deps: ControllerDeps, plan = DEFAULT_PLAN): Controller {
  const client = deps.client('controller:node-ipam');
  const recorder = deps.recorderFor(client, 'cidrAllocator');
  const nodes = deps.informers.for<Node>(nodesResource);
  /** What was given and is perhaps not in the cache yet. */
  const given = new Map<string, number>();

  function usedBut(name: string): Set<number> {
    const used = new Set<number>();
    for (const [other, index] of given) if (other !== name) used.add(index);
    for (const { metadata, spec } of nodes.all()) {
      const index = spec?.podCIDR ? indexOf(plan, spec.podCIDR) : undefined;
      if (index !== undefined && metadata.name !== name) used.add(index);
    }
    return used;
  }
  return startController({
    name: 'node-ipam',
    ...deps,
    client,
    recorder,
    // One after the other: each must see what those before it took.
    workers: 1,
    sources: [
      source(nodes, (node) => {
        const { name } = node.metadata;
        if (!nodes.get(name!)) given.delete(name!);
        return node.spec?.podCIDR ? [] : [name!];
      }),
    ],
    sync: reconciling(
      (name) => {
        const node = nodes.get(name);
        return node && { node, used: usedBut(name), plan };
      },
      (observed, _now) => {
        const decision = reconcile(observed);
        const [intent] = decision.intents;
        if (intent?.op === 'patch') {
          const { podCIDR } = (intent.patch as { spec: { podCIDR: string } }).spec;
          given.set(intent.name, indexOf(plan, podCIDR)!);
        }
        return decision;
      },
    ),
  });
}
