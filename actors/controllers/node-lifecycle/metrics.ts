import type { Registry, Sample } from '../../runtime/metrics/registry.ts';
import type { Zone } from './zones.ts';

/**
 * What is told of zones; returns what counts a node whose pods lose their place. Source: pkg/controller/nodelifecycle/metrics.go,
 * without how long a round over all nodes takes: there are no rounds.
 */
export function zoneMetrics(
  registry: Registry | undefined,
  zones: () => ReadonlyMap<string, Zone>,
): (zone: string) => void {
  // prettier-ignore
  if (registry === undefined) return () => undefined;
  const gauge = (what: string, help: string, value: (zone: Zone) => number): void =>
    registry.gauge({ name: `node_collector_${what}`, stability: 'ALPHA', help }, () =>
      [...zones()].map(([zone, of]): Sample => [{ zone }, value(of)]),
    );
  gauge('zone_health', 'Gauge measuring percentage of healthy nodes per zone.', ({ size, unhealthy }) => (100 * (size - unhealthy)) / size); // prettier-ignore
  gauge('zone_size', 'Gauge measuring number of registered Nodes per zones.', ({ size }) => size);
  gauge(
    'unhealthy_nodes_in_zone',
    'Gauge measuring number of not Ready Nodes per zones.',
    ({ unhealthy }) => unhealthy,
  );
  const evictions = registry.counter({ name: 'node_collector_evictions_total', stability: 'STABLE', help: 'Number of Node evictions that happened since current instance of NodeController started.' }); // prettier-ignore
  return (zone) => evictions.add({ zone });
}
