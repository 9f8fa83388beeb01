import type { Registry } from '../../runtime/metrics/registry.ts';
import type { CloudProvider } from '../provider.ts';
import { localInstances } from './instances.ts';
import { localBalancers, type LocalBalancersOptions } from './load-balancers.ts';
import { localRoutes } from './routes.ts';

export interface LocalProviderOptions extends LocalBalancersOptions {
  /** Address of a node by its name. */
  readonly addressOf: (node: string) => string;
  readonly metrics?: Registry | undefined;
}
/** The cloud that this machine is: simulated instances and routes, load balancers that work. */
export function createLocalProvider(o: LocalProviderOptions): CloudProvider {
  const loadBalancers = localBalancers(o);
  o.metrics?.gauge(
    { name: 'kubus_cloud_connections', stability: 'ALPHA', help: 'Connections that load balancers carry now.' },
    () => [[{}, loadBalancers.connections]],
  );
  return {
    name: 'local',
    instances: localInstances(o.addressOf),
    routes: localRoutes(o.client, o.fence),
    loadBalancers,
    stop: () => {
      loadBalancers.stop();
      return Promise.resolve();
    },
  };
}
