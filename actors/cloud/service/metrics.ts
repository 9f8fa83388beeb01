import type { Clock } from '../../../bus/world.ts';
import type { Registry } from '../../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';

const BUCKETS = exponentialBuckets(1, 2, 15);

export interface ServiceMetrics {
  synced(): void;
  nodeSyncFailed(): void;
  /** Returns what ends the time. */
  nodeSyncBegun(): () => void;
  updateBegun(): () => void;
}
/** Source: controllers/service/metrics.go. */
export function serviceMetrics(registry: Registry | undefined, clock: Clock): ServiceMetrics {
  const name = (what: string): string => `service_controller_${what}`;
  const syncs = registry?.counter({ name: name('loadbalancer_sync_total'), stability: 'ALPHA', help: 'A metric counting the amount of times any load balancer has been configured, as an effect of service/node changes on the cluster' }); // prettier-ignore
  const errors = registry?.counter({ name: name('nodesync_error_total'), stability: 'ALPHA', help: 'A metric counting the amount of times any load balancer has been configured and errored, as an effect of node changes on the cluster' }); // prettier-ignore
  const nodeSync = registry?.histogram({ name: name('nodesync_latency_seconds'), stability: 'ALPHA', help: 'A metric measuring the latency for nodesync which updates loadbalancer hosts on cluster node updates.' }, BUCKETS); // prettier-ignore
  const update = registry?.histogram({ name: name('update_loadbalancer_host_latency_seconds'), stability: 'ALPHA', help: 'A metric measuring the latency for updating each load balancer hosts.' }, BUCKETS); // prettier-ignore
  const timed = (into: typeof update) => () => {
    const begun = clock.now();
    return () => into?.add({}, (clock.now() - begun) / 1_000);
  };
  return {
    synced: () => syncs?.add({}),
    nodeSyncFailed: () => errors?.add({}),
    nodeSyncBegun: timed(nodeSync),
    updateBegun: timed(update),
  };
}
