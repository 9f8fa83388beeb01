/** What a controller's queue counts. Source: client-go util/workqueue, component-base metrics/prometheus/workqueue. */
import type { Clock } from '../../../bus/world.ts';
import type { Registry } from './registry.ts';
import { exponentialBuckets } from './series.ts';

const BUCKETS = exponentialBuckets(1e-8, 10, 10);
/** Upstream's names of queues where they differ from those of our controllers. */
const NAMES: Readonly<Record<string, string>> = {
  'bootstrap-signer': 'bootstrap_signer_queue',
  'cloud-node': 'Nodes',
  'clusterrole-aggregation': 'ClusterRoleAggregator',
  'csr-approving': 'certificate',
  'csr-signing': 'certificate',
  'device-taint-eviction': 'device-taint-eviction-controller',
  'endpointslice': 'endpoint_slice',
  'endpointslicemirroring': 'endpoint_slice_mirroring',
  'ephemeral-volume': 'ephemeral_volume',
  'garbage-collector': 'garbage_collector_attempt_to_delete',
  'horizontal-pod-autoscaler': 'horizontalpodautoscaler',
  'node-ipam': 'cidrallocator_node',
  'node-lifecycle': 'node_lifecycle_controller',
  'node-ttl': 'ttlcontroller',
  'persistentvolume-attach-detach': 'pvcs',
  'persistentvolume-binder': 'claims',
  'persistentvolume-expander': 'volume_expand',
  'pod-gc': 'orphaned_pods_nodes',
  'pv-protection': 'pvprotection',
  'pvc-protection': 'pvcprotection',
  'replicationcontroller': 'replicationmanager',
  'resourceclaim': 'resource_claim',
  'resourcequota': 'resourcequota_primary',
  'root-ca-cert-publisher': 'root_ca_cert_publisher',
  'route': 'Routes',
  'service-cidrs': 'ipaddresses',
  'serviceaccount-token': 'serviceaccount_tokens_service',
  'taint-eviction': 'noexec_taint_pod',
  'token-cleaner': 'token_cleaner',
  'ttl-after-finished': 'ttl_jobs_to_delete',
  'volumeattributesclass-protection': 'vacprotection',
}; // prettier-ignore

export interface QueueMetrics {
  /** The key waits for a worker; one that waits already is not counted again. */
  added(key: string): void;
  /** Its work has begun. */
  begun(key: string): void;
  ended(key: string): void;
  /** The key will be added again after a while, though nothing changes. */
  retried(): void;
  /** All that waited or was worked on is forgotten. */
  cleared(): void;
}
/** `name`: the controller's. */
export function queueMetrics(registry: Registry, clock: Clock, name: string): QueueMetrics {
  const elapsed = clock.elapsed ?? (() => clock.now());
  const labels = { name: NAMES[name] ?? name };
  const waiting = new Map<string, number>();
  const working = new Map<string, number>();
  const ages = (): number[] => [...working.values()].map((since) => (elapsed() - since) / 1_000);
  const metric = (what: string, help: string) => ({ name: `workqueue_${what}`, stability: 'BETA', help }) as const;

  const adds = registry.counter(metric('adds_total', 'Total number of adds handled by workqueue')).at(labels);
  const retries = registry.counter(metric('retries_total', 'Total number of retries handled by workqueue')).at(labels);
  const queued = registry
    .histogram(metric('queue_duration_seconds', 'How long in seconds an item stays in workqueue before being requested.'), BUCKETS)
    .at(labels);
  const worked = registry
    .histogram(metric('work_duration_seconds', 'How long in seconds processing an item from workqueue takes.'), BUCKETS)
    .at(labels);
  registry.gauge(metric('depth', 'Current depth of workqueue'), () => [[labels, waiting.size]]);
  registry.gauge(
    metric(
      'unfinished_work_seconds',
      "How many seconds of work has done that is in progress and hasn't been observed by work_duration. Large values indicate stuck threads. One can deduce the number of stuck threads by observing the rate at which this increases.",
    ),
    () => [[labels, ages().reduce((sum, age) => sum + age, 0)]],
  );
  registry.gauge(
    metric('longest_running_processor_seconds', 'How many seconds has the longest running processor for workqueue been running.'),
    () => [[labels, Math.max(0, ...ages())]],
  );
  return {
    added(key) {
      if (waiting.has(key)) return;
      waiting.set(key, elapsed());
      adds.n++;
    },
    begun(key) {
      const now = elapsed();
      const since = waiting.get(key);
      if (since !== undefined) {
        waiting.delete(key);
        queued.add((now - since) / 1_000);
      }
      working.set(key, now);
    },
    ended(key) {
      const since = working.get(key);
      if (since === undefined) return;
      working.delete(key);
      worked.add((elapsed() - since) / 1_000);
    },
    retried: () => void retries.n++,
    cleared() {
      waiting.clear();
      working.clear();
    },
  };
} // prettier-ignore
