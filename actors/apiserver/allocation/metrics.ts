/**
 * What allocators count. Source: kubernetes pkg/registry/core/service/{ipallocator,portallocator}/metrics.go,
 * portallocator/controller/metrics.go.
 */
import { Counter, Histograms } from '../../runtime/metrics/series.ts';
import type { Metrics } from '../metrics/index.ts';

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Asked for by the user, or chosen. */
export type Scope = 'static' | 'dynamic';
/** How many are given, and how many are left. */
export interface Usage {
  readonly allocated: number;
  readonly available: number;
}

export interface AllocationMetrics {
  /** `cidr`: the range that gave the address. */
  gave(cidr: string, scope: Scope, seconds: number): void;
  gaveNone(cidr: string, scope: Scope): void;
  gavePort(scope: Scope): void;
  gaveNoPort(scope: Scope): void;
  /** What a repair found wrong with a port. */
  wrongPort(type: 'leak' | 'repair' | 'outOfRange' | 'duplicate'): void;
}
/** `ranges` and `ports` are read with each scrape. */
export function allocationMetrics(
  metrics: Pick<Metrics, 'collect' | 'section'> | undefined,
  ranges: () => Iterable<readonly [cidr: string, usage: Usage]>,
  ports: () => Usage,
): AllocationMetrics {
  const given = new Counter();
  const refused = new Counter();
  const durations = new Histograms(BUCKETS);
  const portsGiven = new Counter();
  const portsRefused = new Counter();
  const wrong = new Counter();
  const ip = (what: string): string => `kube_apiserver_clusterip_allocator_${what}`;
  const port = (what: string): string => `kube_apiserver_nodeport_allocator_${what}`;
  if (metrics !== undefined) {
    const gauge = (name: string, help: string, read: Parameters<typeof metrics.collect>[4]): void =>
      metrics.collect(name, 'gauge', 'ALPHA', help, read);
    const each = (field: keyof Usage) => () => [...ranges()].map(([cidr, usage]) => [{ cidr }, usage[field]] as const);
    gauge(ip('allocated_ips'), 'Addresses that Services have, by range.', each('allocated'));
    gauge(ip('available_ips'), 'Addresses that Services may still have, by range.', each('available'));
    gauge(port('allocated_ports'), 'Node ports that Services have.', () => [[{}, ports().allocated]]);
    gauge(port('available_ports'), 'Node ports that Services may still have.', () => [[{}, ports().available]]);
    metrics.section(() => [
      ...durations.render(ip('allocation_duration_seconds'), 'ALPHA', 'Time to give an address, in seconds.'),
      ...given.render(ip('allocation_total'), 'Addresses given: asked for (static) or chosen (dynamic).'),
      ...refused.render(ip('allocation_errors_total'), 'Addresses that could not be given.'),
      ...portsGiven.render(port('allocation_total'), 'Node ports given: asked for (static) or chosen (dynamic).'),
      ...portsRefused.render(port('allocation_errors_total'), 'Node ports that could not be given.'),
      ...wrong.render('apiserver_nodeport_repair_port_errors_total', 'What the repair of node ports found wrong, by kind.'),
    ]);
  }
  return {
    gave(cidr, scope, seconds) {
      given.add({ cidr, scope });
      durations.add({ cidr }, seconds);
    },
    gaveNone: (cidr, scope) => refused.add({ cidr, scope }),
    gavePort: (scope) => portsGiven.add({ scope }),
    gaveNoPort: (scope) => portsRefused.add({ scope }),
    wrongPort: (type) => wrong.add({ type }),
  };
} // prettier-ignore
