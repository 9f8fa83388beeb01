import type { LoadBalancerStatus, Node, Service } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { nodes as nodesResource, services as servicesResource } from '../../runtime/resources.ts';
import { source } from '../../runtime/source.ts';
import { call } from '../calls.ts';
import type { CloudDeps } from '../deps.ts';
import { ImplementedElsewhere, RetryLater, type LoadBalancers } from '../provider.ts';
import { createHosts } from './hosts.ts';
import { serviceMetrics } from './metrics.ts';
import { addFinalizer, event, hostsOf, isBehind, isNodeNews, needsCleanup, needsUpdate, release, tellStatus, wantsLoadBalancer } from './reconcile.ts'; // prettier-ignore

/** Source: controllers/service minRetryDelay, maxRetryDelay. */
const LIMITS = { firstMs: 5_000, maxMs: 300_000, perSecond: 10, burst: 100 };

/** No Service's key: all load balancers are told which nodes there are. */
const NODES = 'nodes';

/** Keeps a load balancer of the cloud for each Service that wants one. */
export function startService(deps: CloudDeps, balancers: LoadBalancers): Controller {
  const { world } = deps;
  const client = deps.client('controller:service');
  const recorder = deps.recorderFor(client, 'service-controller');
  const log = world.log.child({ actor: 'controller:service' });
  const services = deps.informers.for<Service>(servicesResource);
  const nodes = deps.informers.for<Node>(nodesResource);
  const metrics = serviceMetrics(deps.metrics, world.clock);
  /** Services as they were last worked on: what is deleted without our finalizer must be remembered. */
  const known = new Map<string, Service>();
  const hosts = createHosts({ world, balancers, nodes, known, metrics });

  async function remove(service: Service, signal: AbortSignal): Promise<void> {
    try {
      await call(world, `removal of the load balancer of ${keyOf(service)}`, signal, (s) =>
        balancers.remove(service, s),
      );
    } catch (error) {
      if (!(error instanceof ImplementedElsewhere)) throw error;
    }
  }
  /** What is gone, or another by now, and had no finalizer. */
  async function removeLate(service: Service, { execute, signal }: SyncContext): Promise<void> {
    if (wantsLoadBalancer(service)) {
      await execute([event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')]);
      try {
        await remove(service, signal);
      } catch (error) {
        await execute([event(service, 'Warning', 'DeleteLoadBalancerFailed', `Error deleting load balancer: ${(error as Error).message}`)]); // prettier-ignore
        throw error;
      }
      await execute([event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer')]);
    }
  }
  async function cleanUp(service: Service, { execute, signal }: SyncContext): Promise<void> {
    const key = keyOf(service);
    const present = await step('failed to check if load balancer exists before cleanup', () =>
      call(world, `state of the load balancer of ${key}`, signal, (s) => balancers.get(service, s)),
    );
    if (present) {
      await execute([event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer')]);
      await step('failed to delete load balancer', () => remove(service, signal));
    }
    await step('failed to remove load balancer cleanup finalizer', () => execute(release(service)));
    await execute([event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer')]);
    known.delete(keyOf(service));
    hosts.forget(keyOf(service));
  }
  async function ensure(service: Service, { execute, signal }: SyncContext): Promise<LoadBalancerStatus | undefined> {
    const key = keyOf(service);
    await execute([event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer')]);
    await step('failed to add load balancer cleanup finalizer', () => execute(addFinalizer(service)));
    const behind = [...nodes.all()].filter(isBehind);
    if (behind.length === 0)
      await execute([event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer')]); // prettier-ignore
    hosts.note(key, hostsOf(behind));
    metrics.synced();
    let status: LoadBalancerStatus | undefined;
    try {
      status = await step('failed to ensure load balancer', () =>
        call(world, `load balancer of ${key}`, signal, (s) => balancers.ensure(service, behind, s)),
      );
    } catch (error) {
      if ((error as Error).cause instanceof ImplementedElsewhere) return undefined;
      throw error;
    }
    if (!status) throw new Error('service status returned by EnsureLoadBalancer is nil');
    await execute([event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer')]);
    return status;
  }
  async function work(service: Service, context: SyncContext): Promise<void> {
    if (!wantsLoadBalancer(service) || needsCleanup(service)) return cleanUp(service, context);
    const status = await ensure(service, context);
    if (status) await step('failed to update load balancer status', () => context.execute(tellStatus(service, status)));
  }
  async function syncService(context: SyncContext): Promise<SyncOutput> {
    const { key, execute, signal } = context;
    const service = services.get(key);
    const before = known.get(key);
    if (before && before.metadata.uid !== service?.metadata.uid) {
      await removeLate(before, context);
      known.delete(key);
      hosts.forget(key);
    }
    if (!service) return {};
    known.set(key, service);
    try {
      await work(service, context);
    } catch (error) {
      signal.throwIfAborted();
      await execute([event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${(error as Error).message}`)]); // prettier-ignore
      throw error;
    }
    return {};
  }
  async function sync(context: SyncContext): Promise<SyncOutput> {
    if (context.key === NODES) {
      for (const key of await hosts.tellAll(context.execute, context.signal)) controller.enqueue(key);
      return {};
    }
    try {
      return await syncService(context);
    } catch (error) {
      const cause = error instanceof RetryLater ? error : (error as Error).cause;
      if (!(cause instanceof RetryLater)) throw error;
      log.warn('load balancer not ready yet', { key: context.key, err: error });
      return { requeueAfterMs: cause.afterMs };
    }
  }
  const controller: Controller = startController({
    name: 'service',
    ...deps,
    client,
    recorder,
    limits: LIMITS,
    synced: () => balancers.lead?.(true) ?? Promise.resolve(),
    sources: [
      source(services, function* (service, old) {
        const key = keyOf(service);
        const isGone = services.get(key) === undefined;
        if (isGone ? known.has(key) : old ? needsUpdate(old, service) || needsCleanup(service) : wantsLoadBalancer(service) || needsCleanup(service)) yield key; // prettier-ignore
      }),
      source(nodes, function* (node, old) {
        // Of one that is gone too.
        if (known.size > 0 && isNodeNews(node, old)) yield NODES;
      }),
    ],
    sync,
  });
  return controller;
}
/** `what: cause`, as Go wraps errors. */
async function step<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
