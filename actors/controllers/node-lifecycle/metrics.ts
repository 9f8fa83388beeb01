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
  gauge('zone_health', 'Percentage of the nodes of a zone that are ready.', ({ size, unhealthy }) => (100 * (size - unhealthy)) / size); // prettier-ignore
  gauge('zone_size', 'Nodes of a zone.', ({ size }) => size);
  gauge('unhealthy_nodes_in_zone', 'Nodes of a zone that are not ready.', ({ unhealthy }) => unhealthy);
  const evictions = registry.counter({ name: 'node_collector_evictions_total', stability: 'STABLE', help: 'Nodes whose pods had to go because nothing was heard of them, or nothing good.' }); // prettier-ignore
  return (zone) => evictions.add({ zone });
}
