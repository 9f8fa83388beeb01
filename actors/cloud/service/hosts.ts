import type { World } from '../../../bus/world.ts';
import type { Node, Service } from '../../../schemas/generated/core-v1.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { Intent } from '../../runtime/intent.ts';
import { call } from '../calls.ts';
import { ImplementedElsewhere, type LoadBalancers } from '../provider.ts';
import type { ServiceMetrics } from './metrics.ts';
import { event, hostsOf, isBehind, namesOf, sameHosts, wantsLoadBalancer } from './reconcile.ts';

/** Which nodes each load balancer was told of last. */
export interface Hosts {
  note(key: string, hosts: ReadonlyMap<string, string>): void;
  forget(key: string): void;
  /** Tells all load balancers that lack the present nodes; returns the keys of those that could not be told. */
  tellAll(execute: (intents: readonly Intent[]) => Promise<void>, signal: AbortSignal): Promise<readonly string[]>;
}
export function createHosts(o: {
  readonly world: World;
  readonly balancers: LoadBalancers;
  readonly nodes: Informer<Node>;
  /** Services that have load balancers, by key. */
  readonly known: ReadonlyMap<string, Service>;
  readonly metrics: ServiceMetrics;
}): Hosts {
  const { world, balancers, metrics } = o;
  const log = world.log.child({ actor: 'controller:service' });
  const told = new Map<string, ReadonlyMap<string, string>>();

  /** Returns whether it was told, or need not be. Source: controllers/service lockedUpdateLoadBalancerHosts. */
  async function tell(
    service: Service,
    behind: readonly Node[],
    execute: (intents: readonly Intent[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { name, namespace } = service.metadata;
    const done = metrics.updateBegun();
    metrics.synced();
    try {
      await call(world, `nodes behind the load balancer of ${namespace}/${name}`, signal, (s) =>
        balancers.update(service, behind, s),
      );
      await execute([
        behind.length === 0
          ? event(service, 'Warning', 'UnAvailableLoadBalancer', 'There are no available nodes for LoadBalancer')
          : event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts'),
      ]);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ImplementedElsewhere) return true;
      // A failure only where there still is one.
      const exists = await call(world, `state of the load balancer of ${namespace}/${name}`, signal, (s) =>
        balancers.get(service, s),
      ).catch(() => true);
      if (!exists) return true;
      const message = `Error updating load balancer with new hosts ${namesOf(behind)} [node names limited, total number of nodes: ${behind.length}], error: ${(error as Error).message}`;
      await execute([event(service, 'Warning', 'UpdateLoadBalancerFailed', message)]);
      log.warn('load balancer not told of its nodes', { service: `${namespace}/${name}`, err: error });
      metrics.nodeSyncFailed();
      return false;
    } finally {
      done();
    }
  }
  return {
    note: (key, hosts) => void told.set(key, hosts),
    forget: (key) => void told.delete(key),
    async tellAll(execute, signal) {
      const done = metrics.nodeSyncBegun();
      const behind = [...o.nodes.all()].filter(isBehind);
      const hosts = hostsOf(behind);
      const failed: string[] = [];
      await Promise.all(
        [...o.known].map(async ([key, service]) => {
          if (!wantsLoadBalancer(service) || sameHosts(told.get(key) ?? new Map(), hosts)) return;
          // Also where it fails: the Service's own sync comes next, and need not be told twice.
          told.set(key, hosts);
          if (!(await tell(service, behind, execute, signal))) failed.push(key);
        }),
      );
      done();
      return failed;
    },
  };
}
