import { buildInfo } from '../../actors/runtime/metrics/process.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { NodeContext } from './context.ts';
import type { PodWorker } from './pod/worker.ts';

/** Pods as this node knows them, with the status that it would write. */
export function podList(node: NodeContext, wanted: (worker: PodWorker) => boolean): object {
  const items = [...node.pods.values()]
    .filter(wanted)
    .map((worker) => ({ ...withoutType(worker.pod), status: worker.status() }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}
const withoutType = ({ metadata, spec }: Pod): object => ({ metadata, spec });

/** Nothing that is simulated takes time or memory: what is told is that, and since when. Source: kubelet pkg/apis/stats. */
export function summary(node: NodeContext, since: number): object {
  const time = formatTime(node.world.clock.now());
  const use = {
    cpu: { time, usageNanoCores: 0, usageCoreNanoSeconds: 0 },
    memory: { time, usageBytes: 0, workingSetBytes: 0, rssBytes: 0 },
  };
  const pods = [...node.pods.values()].flatMap((worker) => {
    const { metadata, status } = worker.pod;
    const containers = runningContainers(node.runtime, worker);
    if (containers.length === 0) return [];
    return {
      podRef: { name: metadata.name, namespace: metadata.namespace, uid: worker.uid },
      startTime: status?.startTime ?? time,
      containers: containers.map(({ name, startedAt }) => ({ name, startTime: formatTime(startedAt), ...use })),
      ...use,
    };
  });
  return { node: { nodeName: node.nodeName, startTime: formatTime(since), ...use }, pods };
}
interface Running {
  readonly name: string;
  /** In ms since the epoch. */
  readonly startedAt: number;
}
export const runningContainers = (runtime: NodeContext['runtime'], worker: PodWorker): readonly Running[] =>
  (worker.pod.spec === undefined ? [] : [...(worker.pod.spec.initContainers ?? []), ...worker.pod.spec.containers])
    .map(({ name }) => ({ name, record: worker.container(name)?.record }))
    .flatMap(({ name, record }) => {
      const state = record?.id === undefined ? undefined : runtime.containerStatus(record.id);
      return state?.state === 'running' ? { name, startedAt: state.startedAt } : [];
    });

/** What of a kubelet's configuration has a meaning here. Source: kubelet config v1beta1. */
export const configuration = (): object => ({
  kubeletconfig: {
    enableServer: true,
    port: 10_250,
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    nodeStatusMaxImages: 50,
    maxPods: 110,
    cgroupDriver: 'systemd',
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
  },
});

interface Series {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  /** Labels as printed, value, ms since the epoch if not now. */
  readonly points: readonly (readonly [labels: string, value: number])[];
}
const print = (series: readonly Series[]): string =>
  series
    .map(({ name, type, help, points }) =>
      [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...points.map(([l, v]) => `${name}${l} ${v}`), ''].join(
        '\n',
      ),
    )
    .join('');
/** What the node counts, without what belongs to the process, which it shares with others. */
export const metrics = ({ metrics: { registry } }: NodeContext): string =>
  `${[...registry.families(), buildInfo].flatMap(({ lines }) => lines).join('\n')}\n`;
/** Source: kubelet pkg/metrics/collectors resource_metrics.go. */
export function resourceMetrics(node: NodeContext, since: number): string {
  const each = [...node.pods.values()].flatMap((worker) =>
    runningContainers(node.runtime, worker).map((container) => ({
      ...container,
      labels: `{container="${container.name}",namespace="${worker.pod.metadata.namespace ?? ''}",pod="${worker.pod.metadata.name ?? ''}"}`,
    })),
  );
  const none = each.map(({ labels }) => [labels, 0] as const);
  return print([
    { name: 'container_cpu_usage_seconds_total', type: 'counter', help: '[STABLE] Cumulative cpu time consumed by the container in core-seconds', points: none },
    { name: 'container_memory_working_set_bytes', type: 'gauge', help: '[STABLE] Current working set of the container in bytes', points: none },
    { name: 'container_start_time_seconds', type: 'gauge', help: '[STABLE] Start time of the container since unix epoch in seconds', points: each.map(({ labels, startedAt }) => [labels, startedAt / 1_000]) },
    { name: 'node_cpu_usage_seconds_total', type: 'counter', help: '[STABLE] Cumulative cpu time consumed by the node in core-seconds', points: [['', 0]] },
    { name: 'node_memory_working_set_bytes', type: 'gauge', help: '[STABLE] Current working set of the node in bytes', points: [['', 0]] },
    { name: 'node_start_time_seconds', type: 'gauge', help: '[ALPHA] Start time of the node since unix epoch in seconds', points: [['', since / 1_000]] },
    { name: 'resource_scrape_error', type: 'gauge', help: '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', points: [['', 0]] },
  ]);
} // prettier-ignore
