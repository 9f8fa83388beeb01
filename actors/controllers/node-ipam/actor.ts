import type { Node } from '../../../schemas/generated/core-v1.ts';
import { delay } from '../../../bus/world.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { createAllocator, planOf, type Allocator } from './allocator.ts';
import { assign, lacksCidrs, told } from './reconcile.ts';

const RETRY_MS = 500;
/** Answers after which the write may have happened all the same. */
const UNKNOWN_OUTCOME = new Set(['Timeout', 'ServerTimeout', 'ServiceUnavailable', undefined]);

/** Gives each node a range of addresses for its pods, or one of each family. */
export function startNodeIpam(deps: ControllerDeps, plan = planOf()): Controller {
  const client = deps.client('controller:node-ipam');
  const recorder = deps.recorderFor(client, 'cidrAllocator');
  const log = deps.world.log.child({ actor: 'controller:node-ipam' });
  const nodes = deps.informers.for<Node>(nodesResource);
  const allocator = createAllocator(plan);
  const gauge = (what: string, help: string, value: (pool: Allocator['pools'][number]) => number): void =>
    deps.metrics?.gauge({ name: `node_ipam_controller_${what}`, stability: 'ALPHA', help }, () => allocator.pools.map((pool) => [{ clusterCIDR: pool.cidr }, value(pool)])); // prettier-ignore
  // Upstream's name, as it is spelled there.
  gauge('cirdset_max_cidrs', 'Maximum number of CIDRs that can be allocated.', ({ size }) => size);
  gauge(
    'cidrset_usage_cidrs',
    'Gauge measuring percentage of allocated CIDRs.',
    ({ size, free }) => (size - free) / size,
  );

  /** What lies outside is left alone: it was given under other ranges, or by somebody else. */
  function hold({ metadata: { name }, spec }: Node): void {
    const cidrs = spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
    const odd = cidrs.length > 0 ? allocator.hold(name!, cidrs) : undefined;
    if (odd !== undefined) log.warn("a node has addresses outside the cluster's ranges", { node: name, cidr: odd });
  }
  // Also while another replica leads.
  nodes.on({ add: hold, update: hold, delete: ({ metadata }) => allocator.free(metadata.name!) });

  async function sync({ key, execute }: SyncContext): Promise<SyncOutput> {
    const node = nodes.get(key);
    if (!node || !lacksCidrs(node)) return {};
    const given = allocator.allocate(key);
    if ('exhausted' in given) {
      await execute([told(node, 'CIDRNotAvailable')]);
      const { cidr } = plan.ranges[given.exhausted]!;
      throw new Error(`no part of ${cidr} is left for node ${key}: give the cluster a larger range, or delete nodes that are gone`); // prettier-ignore
    }
    try {
      await execute([assign(node, given.cidrs)]);
    } catch (error) {
      if (!UNKNOWN_OUTCOME.has(reasonOf(error))) {
        allocator.free(key);
        await execute([told(node, 'CIDRAssignmentFailed')]);
      }
      throw error;
    }
    return {};
  }
  return startController({
    name: 'node-ipam',
    ...deps,
    client,
    recorder,
    // Whoever has its own already costs nothing; the rest go one after the other, so that ranges are dealt out in a row.
    workers: 1,
    // What a predecessor gave last may not be in this replica's cache yet, and he can give nothing more.
    synced: async () => {
      const { world, informers } = deps;
      for (const { signal } = informers; ; await delay(world.clock, RETRY_MS, signal)) {
        try {
          for (const node of (await client.list<Node>(nodesResource, { signal })).items) hold(node);
          return;
        } catch (err) {
          log.warn('cannot list nodes', { err });
        }
      }
    },
    sources: [
      source(nodes, function* (node) {
        const { name } = node.metadata;
        if (nodes.get(name!)) {
          if (lacksCidrs(node)) yield name!;
          return;
        }
        // What it had is free: somebody may wait for it.
        for (const other of nodes.all()) if (lacksCidrs(other)) yield other.metadata.name!;
      }),
    ],
    sync,
  });
}
