import type { Registry } from './registry.ts';

/** Which Leases this process holds. Source: component-base metrics/prometheus/clientgo/leaderelection. */
export function leaderMetrics(registry: Registry, leases: () => Iterable<readonly [lease: string, holds: boolean]>): void {
  registry.gauge(
    {
      name: 'leader_election_master_status',
      stability: 'ALPHA',
      help: "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
    },
    () => [...leases()].map(([name, holds]) => [{ name }, holds ? 1 : 0] as const),
  );
} // prettier-ignore
