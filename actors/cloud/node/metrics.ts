import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Registry } from '../../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';
import { timeOf } from '../../runtime/time.ts';

const BUCKETS = exponentialBuckets(1, 4, 6);

/** How long fresh nodes wait for the cloud. Source: controllers/node/metrics.go. */
export function nodeMetrics(registry: Registry | undefined): {
  readonly initialized: (node: Node, now: number) => void;
} {
  const untainted = registry?.histogram({ name: 'node_controller_cloud_provider_taint_removal_delay_seconds', stability: 'ALPHA', help: 'Number of seconds after node creation when NodeController removed the cloud-provider taint of a single node.' }, BUCKETS); // prettier-ignore
  const synced = registry?.histogram({ name: 'node_controller_initial_node_sync_delay_seconds', stability: 'ALPHA', help: 'Number of seconds after node creation when NodeController finished the initial synchronization of a single node.' }, BUCKETS); // prettier-ignore
  return {
    initialized({ metadata: { creationTimestamp } }, now) {
      const seconds = (now - (timeOf(creationTimestamp) ?? now)) / 1_000;
      untainted?.add({}, seconds);
      synced?.add({}, seconds);
    },
  };
}
