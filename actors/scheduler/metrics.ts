/** What the scheduler counts. Source: scheduler metrics/metrics.go. */
import type { Clock } from '../../bus/world.ts';
import type { Registry } from '../runtime/metrics/registry.ts';
import { exponentialBuckets, type Histogram } from '../runtime/metrics/series.ts';
import type { ClusterEvent } from './plugins/plugin.ts';
import type { SchedulingQueue } from './queue.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

export type Result = 'scheduled' | 'unschedulable' | 'error';
export type Point =
  'PreFilter' | 'Filter' | 'PostFilter' | 'PreScore' | 'Score' | 'Reserve' | 'Permit' | 'PreBind' | 'Bind' | 'PostBind';
export type PointStatus = 'Success' | 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Error';
/** Queues that pods are put in. */
export type Incoming = 'active' | 'backoff' | 'unschedulable';

export interface SchedulerMetrics {
  /** Milliseconds; only differences mean anything. */
  elapsed(): number;
  incoming(queue: Incoming, event: string): void;
  /** A point of the framework has been passed through since then; returns when that was. */
  passed(point: Point, status: PointStatus, since: number): number;
  /** A node was found, or none was, since then. */
  computed(since: number): void;
  attempted(result: Result, since: number): void;
  /** `ms`: since the first of its attempts. */
  bound(attempts: number, ms: number, flushed: boolean): void;
  preempting(): void;
  preempted(victims: number): void;
  /** A pod has waited for permission since then. */
  waited(result: 'Success' | 'Unschedulable', since: number): void;
  /** A plugin was asked `n` times. */
  evaluated(point: Point, plugin: string, n: number): void;
  /** A plugin has taken this long, in one of those attempts in which that is measured: ms. */
  took(point: Point, plugin: string, status: PointStatus, ms: number): void;
  /** The same for the pods of another profile. */
  of(profile: string): SchedulerMetrics;
  /** What is read with each scrape. */
  observe(o: { readonly queue: SchedulingQueue; readonly snapshot: Snapshot; readonly binding: () => number }): void;
}
const ATTEMPT = exponentialBuckets(0.001, 2, 15);
const help = {
  pending: "Number of pending pods, by the queue type. 'active' means number of pods in activeQ; 'backoff' means number of pods in backoffQ; 'unschedulable' means number of pods in unschedulablePods that the scheduler attempted to schedule and failed; 'gated' is the number of unschedulable pods that the scheduler never attempted to schedule because they are gated.",
  evaluations: 'Number of attempts to schedule pods by each plugin and the extension point (available only in PreFilter, Filter, PreScore, and Score).',
  flushed: 'Number of pods that were successfully scheduled after being flushed from unschedulablePods due to timeout. This metric helps detect potential queueing hint misconfigurations or event handling issues.',
  sli: 'E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.',
  attempts: "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.",
  unschedulable: 'The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused it to not schedule and so this metric have meaning only when broken down by plugin.',
}; // prettier-ignore
type Stability = 'STABLE' | 'BETA' | 'ALPHA';
const of = (what: string, stability: Stability, text: string) =>
  ({ name: `scheduler_${what}`, stability, help: text }) as const;
/** From so many attempts on they are one series. */
const MANY_ATTEMPTS = 15;

export function schedulerMetrics(registry: Registry, clock: Clock, profile: string): SchedulerMetrics {
  const elapsed = clock.elapsed ?? (() => clock.now());
  const cells = new Map<string, Map<string, { n: number }>>();
  const incoming = registry.counter(of('queue_incoming_pods_total', 'STABLE', 'Number of pods added to scheduling queues by event and queue type.')); // prettier-ignore
  const durations = registry.histogram(
    of('framework_extension_point_duration_seconds', 'STABLE', 'Latency for running all plugins of a specific extension point.'),
    exponentialBuckets(0.0001, 2, 12),
  ); // prettier-ignore
  const algorithm = registry
    .histogram(of('scheduling_algorithm_duration_seconds', 'ALPHA', 'Scheduling algorithm latency in seconds'), ATTEMPT)
    .at({});
  const attempts = registry.counter(of('schedule_attempts_total', 'STABLE', help.attempts));
  const latency = registry.histogram(
    of('scheduling_attempt_duration_seconds', 'STABLE', 'Scheduling attempt latency in seconds (scheduling algorithm + binding)'),
    ATTEMPT,
  ); // prettier-ignore
  const evaluations = registry.counter(of('plugin_evaluation_total', 'BETA', help.evaluations));
  const executions = registry.histogram(
    of('plugin_execution_duration_seconds', 'ALPHA', 'Duration for running a plugin at a specific extension point.'),
    exponentialBuckets(0.00001, 1.5, 20),
  );
  const tries = registry
    .histogram(
      of('pod_scheduling_attempts', 'STABLE', 'Number of attempts to successfully schedule a pod.'),
      exponentialBuckets(1, 2, 5),
    )
    .at({});
  const sli = registry.histogram(of('pod_scheduling_sli_duration_seconds', 'BETA', help.sli), exponentialBuckets(0.01, 2, 20)); // prettier-ignore
  const slis: Histogram[] = [];
  const flushes = registry.counter(of('pod_scheduled_after_flush_total', 'ALPHA', help.flushed)).at({});
  const preemptions = registry.counter(of('preemption_attempts_total', 'STABLE', 'Total preemption attempts in the cluster till now')).at({}); // prettier-ignore
  const victims = registry
    .histogram(of('preemption_victims', 'STABLE', 'Number of selected preemption victims'), exponentialBuckets(1, 2, 7))
    .at({});
  const permits = registry.histogram(of('permit_wait_duration_seconds', 'BETA', 'Duration of waiting on permit.'), ATTEMPT);
  const common = {
    elapsed,
    waited: (result: string, since: number) => permits.at({ result }).add((elapsed() - since) / 1_000),
    incoming(queue: Incoming, event: string) {
      const known = entryOf(cells, queue, () => new Map<string, { n: number }>());
      entryOf(known, event, () => incoming.at({ event, queue })).n++;
    },
    computed: (since: number) => algorithm.add((elapsed() - since) / 1_000),
    bound(count: number, ms: number, flushed: boolean) {
      tries.add(count);
      const known = Math.min(count, MANY_ATTEMPTS);
      const label = count >= MANY_ATTEMPTS ? `${MANY_ATTEMPTS}+` : String(count);
      (slis[known] ??= sli.at({ attempts: label })).add(ms / 1_000);
      if (flushed) flushes.n++;
    },
    preempting: () => void preemptions.n++,
    preempted: (count: number) => victims.add(count),
    observe({ queue, snapshot, binding }: Parameters<SchedulerMetrics['observe']>[0]) {
      registry.gauge(of('pending_pods', 'STABLE', help.pending), () => {
        const { active = 0, backingOff = 0, gated = 0, unschedulable = 0 } = queue.counts();
        return Object.entries({ active, backoff: backingOff, gated, unschedulable }).map(([name, n]) => [{ queue: name }, n]);
      });
      registry.gauge(of('unschedulable_pods', 'BETA', help.unschedulable), () =>
        queue.refusals().map(({ n, ...labels }) => [labels, n] as const),
      );
      registry.gauge(of('cache_size', 'ALPHA', 'Number of nodes, pods, and assumed (bound) pods in the scheduler cache.'), () =>
        Object.entries(snapshot.sizes()).map(([type, n]) => [{ type }, n] as const),
      );
      registry.gauge(of('goroutines', 'BETA', 'Number of running goroutines split by the work they do such as binding.'), () => [
        [{ operation: 'binding' }, binding()],
      ]);
    },
  };
  const forProfile = (name: string): SchedulerMetrics => {
    const points = new Map<string, Map<string, Histogram>>();
    const results = new Map<Result, { readonly count: { n: number }; readonly latency: Histogram }>();
    const asked = new Map<Point, Map<string, { n: number }>>();
    const taken = new Map<string, Histogram>();
    return {
      ...common,
      passed(point, status, since) {
        const known = entryOf(points, point, () => new Map<string, Histogram>());
        const histogram = entryOf(known, status, () => durations.at({ extension_point: point, profile: name, status }));
        const now = elapsed();
        histogram.add((now - since) / 1_000);
        return now;
      },
      attempted(result, since) {
        const labels = { profile: name, result };
        const known = entryOf(results, result, () => ({ count: attempts.at(labels), latency: latency.at(labels) }));
        known.count.n++;
        known.latency.add((elapsed() - since) / 1_000);
      },
      evaluated(point, plugin, n) {
        const known = entryOf(asked, point, () => new Map<string, { n: number }>());
        entryOf(known, plugin, () => evaluations.at({ extension_point: point, plugin, profile: name })).n += n;
      },
      took(point, plugin, status, ms) {
        const labels = { extension_point: point, plugin, status };
        entryOf(taken, `${point}/${plugin}/${status}`, () => executions.at(labels)).add(ms / 1_000);
      },
      of: forProfile,
    };
  };
  return forProfile(profile);
} // prettier-ignore
function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let found = map.get(key);
  if (found === undefined) map.set(key, (found = make()));
  return found;
}

/** What upstream calls an event that may end a pod's waiting. */
export function labelOf(event: ClusterEvent): string {
  switch (event.type) {
    case 'node.added':
      return 'NodeAdd';
    case 'node.deleted':
      return 'NodeDelete';
    case 'node.updated': {
      const { node } = event.node;
      if (JSON.stringify(node.status?.allocatable) !== JSON.stringify(event.old.status?.allocatable))
        return 'NodeUpdateNodeAllocatable';
      if (JSON.stringify(node.metadata.labels) !== JSON.stringify(event.old.metadata.labels))
        return 'NodeUpdateNodeLabel';
      return 'NodeUpdateNodeTaint';
    }
    case 'pod.assigned':
      return 'AssignedPodAdd';
    case 'pod.relabelled':
      return 'AssignedPodUpdate';
    case 'pod.released':
      return 'AssignedPodDelete';
    case 'namespace.relabelled':
      return 'NamespaceUpdate';
    case 'claim.changed':
      return `PersistentVolumeClaim${event.isNew ? 'Add' : 'Update'}`;
    case 'volume.changed':
      return `PersistentVolume${event.isNew ? 'Add' : 'Update'}`;
    case 'csiNode.changed':
      return `CSINode${event.old === undefined ? 'Add' : 'Update'}`;
    case 'csiDriver.changed':
      return `CSIDriver${event.old === undefined ? 'Add' : 'Update'}`;
    case 'storageCapacity.changed':
      return `CSIStorageCapacity${event.old === undefined ? 'Add' : 'Update'}`;
    case 'resourceClaim.changed':
      return `ResourceClaim${event.old === undefined ? 'Add' : 'Update'}`;
    case 'deviceClass.changed':
      return `DeviceClass${event.isNew ? 'Add' : 'Update'}`;
    case 'resourceSlice.changed':
      return `ResourceSlice${event.isNew ? 'Add' : 'Update'}`;
    case 'volumeAttachment.gone':
      return 'VolumeAttachmentDelete';
    case 'storageClass.changed':
      return `StorageClass${event.old === undefined ? 'Add' : 'Update'}`;
  }
}
