import type { ContainerStats, FsStats, NetworkStats, PodStats, StatsSummary } from '../../../bus/protocol/node.ts';

type Labels = Readonly<Record<string, string>>;
interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly points: readonly (readonly [Labels, number])[];
}
const NANO = 1e9;
const quoted = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
const labelled = (labels: Labels): string =>
  Object.keys(labels)
    .toSorted()
    .map((name) => `${name}="${quoted(labels[name]!)}"`)
    .join(',');

/**
 * What users of cAdvisor scrape, from what a node says it uses: of each container, of each pod (no container) and of its
 * network (container POD), and of the machine. Source: cadvisor metrics/prometheus.go, kubelet cadvisor labels.
 */
export function cadvisorMetrics({ node, pods }: StatsSummary, now: number): string {
  const labelsOf = (container: string, { podRef }: PodStats): Labels => ({
    container,
    namespace: podRef.namespace,
    pod: podRef.name,
  });
  const each = pods.flatMap((pod) => [
    { labels: labelsOf('', pod), stats: { cpu: pod.cpu, memory: pod.memory }, of: undefined },
    ...pod.containers.map((stats) => ({ labels: labelsOf(stats.name, pod), stats, of: stats })),
  ]);
  const root = { container: '', namespace: '', pod: '' };
  const all = [{ labels: root, stats: node as Pick<ContainerStats, 'cpu' | 'memory'>, of: undefined }, ...each];
  const network = [
    ...(node.network === undefined ? [] : [[root, node.network] as const]),
    ...pods.flatMap((pod) => (pod.network === undefined ? [] : [[labelsOf('POD', pod), pod.network] as const])),
  ];
  const interfaces = (value: (one: NetworkStats['interfaces'][number]) => number): Family['points'] =>
    network.flatMap(([labels, { interfaces: each_ }]) => each_.map((one) => [{ ...labels, interface: one.name }, value(one)] as const));
  const disks = (value: (fs: FsStats) => number | undefined): Family['points'] => [
    ...(node.fs === undefined ? [] : ([[{ ...root, device: '/' }, value(node.fs) ?? 0]] as const)),
    ...each.flatMap(({ labels, of }) => (of?.rootfs === undefined ? [] : [[{ ...labels, device: '/' }, value(of.rootfs) ?? 0] as const])),
  ];
  const families: readonly Family[] = [
    { name: 'container_cpu_usage_seconds_total', type: 'counter', help: 'Cumulative cpu time consumed in seconds.', points: all.map(({ labels, stats }) => [{ ...labels, cpu: 'total' }, stats.cpu.usageCoreNanoSeconds / NANO]) },
    { name: 'container_fs_limit_bytes', type: 'gauge', help: 'Number of bytes that can be consumed by the container on this filesystem.', points: disks((fs) => fs.capacityBytes) },
    { name: 'container_fs_usage_bytes', type: 'gauge', help: 'Number of bytes that are consumed by the container on this filesystem.', points: disks((fs) => fs.usedBytes) },
    { name: 'container_fs_inodes_free', type: 'gauge', help: 'Number of available Inodes', points: disks((fs) => fs.inodesFree) },
    { name: 'container_fs_inodes_total', type: 'gauge', help: 'Number of Inodes', points: disks((fs) => fs.inodes) },
    { name: 'container_memory_failures_total', type: 'counter', help: 'Cumulative count of memory allocation failures.', points: all.flatMap(({ labels, stats }) => [
      [{ ...labels, failure_type: 'pgfault', scope: 'hierarchy' }, stats.memory.pageFaults ?? 0],
      [{ ...labels, failure_type: 'pgmajfault', scope: 'hierarchy' }, stats.memory.majorPageFaults ?? 0],
    ] as const) },
    { name: 'container_memory_rss', type: 'gauge', help: 'Size of RSS in bytes.', points: all.map(({ labels, stats }) => [labels, stats.memory.rssBytes]) },
    { name: 'container_memory_usage_bytes', type: 'gauge', help: 'Current memory usage in bytes, including all memory regardless of when it was accessed', points: all.map(({ labels, stats }) => [labels, stats.memory.usageBytes]) },
    { name: 'container_memory_working_set_bytes', type: 'gauge', help: 'Current working set in bytes.', points: all.map(({ labels, stats }) => [labels, stats.memory.workingSetBytes]) },
    { name: 'container_network_receive_bytes_total', type: 'counter', help: 'Cumulative count of bytes received', points: interfaces((one) => one.rxBytes) },
    { name: 'container_network_receive_errors_total', type: 'counter', help: 'Cumulative count of errors encountered while receiving', points: interfaces((one) => one.rxErrors) },
    { name: 'container_network_transmit_bytes_total', type: 'counter', help: 'Cumulative count of bytes transmitted', points: interfaces((one) => one.txBytes) },
    { name: 'container_network_transmit_errors_total', type: 'counter', help: 'Cumulative count of errors encountered while transmitting', points: interfaces((one) => one.txErrors) },
    { name: 'container_processes', type: 'gauge', help: 'Number of processes running inside the container.', points: pods.flatMap((pod) => (pod.process_stats === undefined ? [] : [[labelsOf('', pod), pod.process_stats.process_count] as const])) },
    { name: 'container_start_time_seconds', type: 'gauge', help: 'Start time of the container since unix epoch in seconds.', points: each.flatMap(({ labels, of }) => (of === undefined ? [] : [[labels, Date.parse(of.startTime) / 1_000] as const])) },
    { name: 'machine_memory_bytes', type: 'gauge', help: 'Amount of memory installed on the machine.', points: node.memory.availableBytes === undefined ? [] : [[{}, node.memory.availableBytes + node.memory.workingSetBytes]] },
  ];
  const line = (name: string, [labels, value]: readonly [Labels, number]): string => `${name}{${labelled(labels)}} ${value} ${now}\n`;
  return families
    .filter(({ points }) => points.length > 0)
    .map(({ name, type, help, points }) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${points.map((point) => line(name, point)).join('')}`)
    .join('');
} // prettier-ignore
