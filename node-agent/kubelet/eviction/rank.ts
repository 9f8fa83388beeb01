import type { ContainerStats, FsStats, PodStats } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { amount, podRequests } from '../../../schemas/helpers/pod-resources.ts';
import { canonicalQuantity } from '../../../schemas/meta/quantity.ts';
import { amountText, quantityText, SIGNALS, type Observations, type Signal, type Starved, type Threshold } from './thresholds.ts'; // prettier-ignore

export type StatsOf = (pod: Pod) => PodStats | undefined;
type Compare = (a: Pod, b: Pod) => number;
/** Which parts of a pod's disk count. */
interface Parts {
  readonly rootfs: boolean;
  readonly logs: boolean;
  readonly volumes: boolean;
}
const ALL: Parts = { rootfs: true, logs: true, volumes: true };

/** True before false. */
const first = (a: boolean, b: boolean): number => Number(b) - Number(a);
/** Pods that nothing is known of go first. */
const known =
  (stats: StatsOf, compare: (a: readonly [Pod, PodStats], b: readonly [Pod, PodStats]) => number): Compare =>
  (a, b) => {
    const [x, y] = [stats(a), stats(b)];
    return x === undefined || y === undefined ? first(x === undefined, y === undefined) : compare([a, x], [b, y]);
  };
const byPriority: Compare = (a, b) => (a.spec?.priority ?? 0) - (b.spec?.priority ?? 0);
const requestOf = (pod: Pod, resource: string): number => podRequests(pod).get(resource) ?? 0;

function diskOf(pod: Pod, stats: PodStats, parts: Parts, resource: Starved): number {
  const of = (fs: FsStats | undefined): number =>
    resource === 'inodes' ? (fs?.inodesUsed ?? 0) : (fs?.usedBytes ?? 0);
  const containers = stats.containers.reduce(
    (sum, { rootfs, logs }) => sum + (parts.rootfs ? of(rootfs) : 0) + (parts.logs ? of(logs) : 0),
    0,
  );
  if (!parts.volumes) return containers;
  const local = (pod.spec?.volumes ?? []).filter(isLocal).map(({ name }) => stats.volume?.find((v) => v.name === name));
  return local.reduce((sum, volume) => sum + of(volume), containers);
}
/** Source: kubelet eviction localVolumeNames, volume util IsLocalEphemeralVolume. */
const isLocal = (volume: NonNullable<NonNullable<Pod['spec']>['volumes']>[number]): boolean =>
  volume.hostPath !== undefined ||
  volume.gitRepo !== undefined ||
  volume.configMap !== undefined ||
  (volume.emptyDir !== undefined && !volume.emptyDir.medium);

/** In which order pods go where a signal says that there is too little. Pure. Source: kubelet eviction/helpers.go buildSignalToRankFunc. */
export function rank(pods: readonly Pod[], stats: StatsOf, signal: Signal, hasImageFs: boolean): Pod[] {
  const { resource } = SIGNALS[signal];
  const orders = ordersOf(stats, signal, resource, hasImageFs);
  return pods.toSorted((a, b) => {
    for (const order of orders) {
      const result = order(a, b);
      if (result !== 0) return result;
    }
    return 0;
  });
}
function ordersOf(stats: StatsOf, signal: Signal, resource: Starved, hasImageFs: boolean): Compare[] {
  if (resource === 'pids')
    return [byPriority, known(stats, ([, x], [, y]) => (y.process_stats?.process_count ?? 0) - (x.process_stats?.process_count ?? 0))];
  const isNodeFs = signal.startsWith('nodefs.');
  const parts = !hasImageFs ? ALL : { rootfs: !isNodeFs, logs: isNodeFs, volumes: isNodeFs };
  const used = ([pod, own]: readonly [Pod, PodStats]): number =>
    resource === 'memory' ? own.memory.workingSetBytes : diskOf(pod, own, parts, resource);
  // What is requested of a disk are bytes, also where inodes are short.
  const requested = (pod: Pod): number => requestOf(pod, resource === 'memory' ? 'memory' : 'ephemeral-storage');
  return [
    known(stats, (x, y) => first(used(x) > requestOf(x[0], resource), used(y) > requestOf(y[0], resource))),
    byPriority,
    known(stats, (x, y) => used(y) - requested(y[0]) - (used(x) - requested(x[0]))),
  ];
} // prettier-ignore

/** Why a pod goes. Pure. Source: kubelet eviction evictionMessage. */
export function evictionMessage(
  pod: Pod,
  stats: PodStats | undefined,
  resource: Starved,
  starved: readonly Threshold[],
  observations: Observations,
): string {
  let text = `The node was low on resource: ${resource}. `;
  for (const { signal, value } of starved) {
    const observed = observations.get(signal);
    if (SIGNALS[signal].resource !== resource || observed === undefined) continue;
    text += `Threshold quantity: ${amountText(value, observed)}, available: ${quantityText(observed.available, observed.format)}. `;
    break;
  }
  if (stats === undefined) return text;
  const own = pod.spec?.resources?.requests?.[resource];
  if (resource === 'memory' && own !== undefined)
    text += `Pod ${pod.metadata.name} was using ${binary(stats.memory.workingSetBytes)}, request is ${canonicalQuantity(own)}, has larger consumption of memory. `;
  const specs = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  for (const container of stats.containers) {
    const spec = specs.find(({ name }) => name === container.name);
    const used = usedOf(container, resource);
    if (spec === undefined || used === undefined) continue;
    const request = spec.resources?.requests?.[resource];
    if (used > amount(resource, request))
      text += `Container ${spec.name} was using ${binary(used)}, request is ${request === undefined ? '0' : canonicalQuantity(request)}, has larger consumption of ${resource}. `;
  }
  return text;
}
const binary = (bytes: number): string => quantityText(bytes, 'BinarySI');
function usedOf({ memory, rootfs, logs }: ContainerStats, resource: Starved): number | undefined {
  if (resource === 'memory') return memory.workingSetBytes;
  return resource === 'ephemeral-storage' && rootfs && logs ? rootfs.usedBytes + logs.usedBytes : undefined;
}
