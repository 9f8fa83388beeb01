import type { Node } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import { source } from '../../runtime/source.ts';
import { call } from '../calls.ts';
import type { CloudDeps } from '../deps.ts';
import type { Routes } from '../provider.ts';
import { creationFailed, hasAllRoutes, planRoutes, tellReachable } from './reconcile.ts';

const KEY = 'routes';
/** Nodes that come together have their routes made together. */
const GATHER_MS = 100;
/** After a route could not be made or removed. Source: --route-reconciliation-period. */
const RETRY_MS = 10_000;
/** What others changed in the cloud is mended. */
const LOOK_MS = 5 * 60_000;
/** Calls under way at once. Source: controllers/route maxConcurrentRouteOperations. */
const AT_ONCE = 200;

/** Keeps a route to each node's range of pod addresses, and tells of nodes that have none. */
export function startRoute(deps: CloudDeps & { readonly clusterCidrs: readonly string[] }, routes: Routes): Controller {
  const { world } = deps;
  const { clock } = world;
  const client = deps.client('controller:route');
  const log = world.log.child({ actor: 'controller:route' });
  const nodes = deps.informers.for<Node>(nodesResource);
  const syncs = deps.metrics?.counter({ name: 'route_controller_route_sync_total', stability: 'ALPHA', help: 'A metric counting the amount of times routes have been synced with the cloud provider.' }); // prettier-ignore

  async function sync({ execute, signal, now }: SyncContext): Promise<SyncOutput> {
    syncs?.add({});
    const present = await call(world, 'the list of routes', signal, (s) => routes.list(s)).catch((error: unknown) => {
      throw new Error(`error listing routes: ${(error as Error).message}`, { cause: error });
    });
    const plan = planRoutes([...nodes.all()], present, deps.clusterCidrs);
    let isWhole = true;
    await each(plan.remove, async (route) => {
      const what = `removal of the route to ${route.destination}`;
      await call(world, what, signal, (s) => routes.remove(route, s)).catch((err: unknown) => {
        isWhole = false;
        log.warn('route not removed', { route: route.name, destination: route.destination, err });
      });
    });
    const failed = new Set<string>();
    await each(plan.create, async (wanted) => {
      const { route, node } = wanted;
      const begun = clock.now();
      const what = `creation of a route to ${route.destination}`;
      try {
        await call(world, what, signal, (s) => routes.create(route, node.metadata.uid!, s));
      } catch (error) {
        isWhole = false;
        failed.add(node.metadata.name!);
        await execute([creationFailed(wanted, error as Error, clock.now() - begun)]);
      }
    });
    signal.throwIfAborted();
    await execute(plan.judged.flatMap((node) => tellReachable(node, hasAllRoutes(node, failed), now)));
    return { requeueAfterMs: isWhole ? LOOK_MS : RETRY_MS };
  }
  return startController({
    name: 'route',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'route_controller'),
    workers: 1,
    sources: [
      source(
        nodes,
        function* (node, old) {
          const isNews =
            !old ||
            !equal(old.spec?.podCIDRs, node.spec?.podCIDRs) ||
            !equal(old.status?.addresses, node.status?.addresses);
          if (isNews) yield KEY;
        },
        GATHER_MS,
      ),
    ],
    // Without any node there may be routes that are left over.
    onActive: (enqueue) => enqueue(KEY),
    sync,
  });
}
async function each<T>(all: readonly T[], what: (one: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < all.length; i += AT_ONCE) await Promise.all(all.slice(i, i + AT_ONCE).map(what));
}
