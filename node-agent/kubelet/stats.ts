import type { Pod } from '../../schemas/generated/core-v1.ts';
import { quantityValue } from '../../schemas/meta/quantity.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { ContainerStats, CpuStats, MemoryStats, PodStats, StatsSummary } from '../../bus/protocol/node.ts';
import type { RuntimeUsage } from '../runtime/interface.ts';
import type { NodeContext } from './context.ts';
import type { PodWorker } from './pod/worker.ts';

/** What a node uses for itself. */
const OWN: RuntimeUsage = { nanoCores: 20_000_000, coreNanoSeconds: 0, memoryBytes: 256 * 1024 * 1024 };
const MS_OF_SECOND = 1_000;

/** CPU time of pods that are no more, which is still the node's. */
export interface NodeMeter {
  readonly since: number;
  readonly seen: Map<string, number>;
  gone: number;
}
export const nodeMeter = (since: number): NodeMeter => ({ since, seen: new Map(), gone: 0 });

/** What the node, its pods and their containers use now. Source: kubelet pkg/kubelet/stats, stats/v1alpha1 Summary. */
export function summary(node: NodeContext, meter: NodeMeter): StatsSummary {
  const now = node.world.clock.now();
  const time = formatTime(now);
  const pods = [...node.pods.values()].flatMap((worker) => podStats(node, worker, time) ?? []);
  const sum = (of: (pod: PodStats) => number): number => pods.reduce((n, pod) => n + of(pod), 0);
  const usage: RuntimeUsage = {
    nanoCores: OWN.nanoCores + sum((pod) => pod.cpu.usageNanoCores),
    coreNanoSeconds: Math.round((OWN.nanoCores * (now - meter.since)) / MS_OF_SECOND) + counted(meter, pods),
    memoryBytes: OWN.memoryBytes + sum((pod) => pod.memory.workingSetBytes),
  };
  const cpu = cpuOf(usage, time);
  const memory = memoryOf(usage, time);
  return { node: { nodeName: node.nodeName, startTime: formatTime(meter.since), cpu, memory }, pods };
}
/** Of all pods since the node began, also when some of them have left. */
function counted(meter: NodeMeter, pods: readonly PodStats[]): number {
  const now = new Map(pods.flatMap((pod) => pod.containers.map((c) => [`${pod.podRef.uid}/${c.name}/${c.startTime}`, c.cpu.usageCoreNanoSeconds]))); // prettier-ignore
  for (const [key, used] of meter.seen) if (!now.has(key)) meter.gone += used;
  meter.seen.clear();
  let sum = meter.gone;
  for (const [key, used] of now) {
    meter.seen.set(key, used);
    sum += used;
  }
  return sum;
}
function podStats(node: NodeContext, worker: PodWorker, time: string): PodStats | undefined {
  const { metadata, status, spec } = worker.pod;
  const running = runningContainers(node, worker);
  if (running.length === 0) return undefined;
  const total = { nanoCores: 0, coreNanoSeconds: 0, memoryBytes: 0 };
  const containers = running.map(({ name, startedAt, usage }): ContainerStats => {
    total.nanoCores += usage.nanoCores;
    total.coreNanoSeconds += usage.coreNanoSeconds;
    total.memoryBytes += usage.memoryBytes;
    const limit = spec?.containers.find((c) => c.name === name)?.resources?.limits?.['memory'];
    return { name, startTime: formatTime(startedAt), cpu: cpuOf(usage, time), memory: memoryOf(usage, time, limit) };
  });
  return {
    podRef: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: worker.uid },
    startTime: status?.startTime ?? time,
    containers,
    cpu: cpuOf(total, time),
    memory: memoryOf(total, time),
  };
}
const cpuOf = ({ nanoCores, coreNanoSeconds }: RuntimeUsage, time: string): CpuStats => ({
  time,
  usageNanoCores: nanoCores,
  usageCoreNanoSeconds: coreNanoSeconds,
});
const memoryOf = ({ memoryBytes }: RuntimeUsage, time: string, limit?: string | number): MemoryStats => ({
  time,
  ...(limit !== undefined && { availableBytes: Math.max(0, quantityValue(limit) - memoryBytes) }),
  usageBytes: memoryBytes,
  workingSetBytes: memoryBytes,
  rssBytes: memoryBytes,
});

interface Running {
  readonly name: string;
  /** In ms since the epoch. */
  readonly startedAt: number;
  readonly usage: RuntimeUsage;
}
export function runningContainers({ runtime }: Pick<NodeContext, 'runtime'>, worker: PodWorker): readonly Running[] {
  return specsOf(worker.pod).flatMap(({ name }) => {
    const id = worker.container(name)?.record.id;
    const state = id === undefined ? undefined : runtime.containerStatus(id);
    const usage = state?.state === 'running' ? runtime.usage(id!, worker.pod) : undefined;
    return usage === undefined ? [] : { name, startedAt: state!.startedAt, usage };
  });
}
const specsOf = ({ spec }: Pod): readonly { readonly name: string }[] =>
  spec === undefined ? [] : [...(spec.initContainers ?? []), ...spec.containers];

interface Series {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly points: readonly string[];
}
const NANO = 1e9;
/** As Prometheus reads it, each point with the time it was taken at. Source: kubelet pkg/kubelet/metrics/collectors resource_metrics.go. */
export function resourceMetrics({ node, pods }: StatsSummary, now: number): string {
  const at = (labels: string, value: number): string => `${labels} ${value} ${now}`;
  const podLabels = ({ podRef: { namespace, name } }: PodStats): string => `{namespace="${namespace}",pod="${name}"}`;
  const each = pods.flatMap((pod) => pod.containers.map((container) => {
    const labels = `{container="${container.name}",namespace="${pod.podRef.namespace}",pod="${pod.podRef.name}"}`;
    return { ...container, labels };
  }));
  const seconds = ({ usageCoreNanoSeconds }: CpuStats): number => usageCoreNanoSeconds / NANO;
  const all: readonly Series[] = [
    { name: 'container_cpu_usage_seconds_total', type: 'counter', help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds', points: each.map((c) => at(c.labels, seconds(c.cpu))) },
    { name: 'container_memory_working_set_bytes', type: 'gauge', help: '[STABLE] Current working set of the container in bytes', points: each.map((c) => at(c.labels, c.memory.workingSetBytes)) },
    { name: 'container_start_time_seconds', type: 'gauge', help: '[STABLE] Start time of the container since unix epoch in seconds', points: each.map((c) => `${c.labels} ${Date.parse(c.startTime) / 1_000}`) },
    { name: 'node_cpu_usage_seconds_total', type: 'counter', help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds', points: [at('', seconds(node.cpu))] },
    { name: 'node_memory_working_set_bytes', type: 'gauge', help: '[STABLE] Current working set of the node in bytes', points: [at('', node.memory.workingSetBytes)] },
    { name: 'pod_cpu_usage_seconds_total', type: 'counter', help: '[STABLE] Cumulative cpu time consumed by the pod in core-seconds', points: pods.map((pod) => at(podLabels(pod), seconds(pod.cpu))) },
    { name: 'pod_memory_working_set_bytes', type: 'gauge', help: '[STABLE] Current working set of the pod in bytes', points: pods.map((pod) => at(podLabels(pod), pod.memory.workingSetBytes)) },
    { name: 'resource_scrape_error', type: 'gauge', help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', points: [' 0'] },
    { name: 'scrape_error', type: 'gauge', help: '[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, 0 otherwise', points: [' 0'] },
  ];
  return all
    .filter(({ points }) => points.length > 0)
    .map(({ name, type, help, points }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...points.map((point) => `${name}${point}`), ''].join('\n'))
    .join('');
} // prettier-ignore
