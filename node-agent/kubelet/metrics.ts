/** What a kubelet counts. Source: kubelet pkg/metrics. */
import type { Registry, Sample } from '../../actors/runtime/metrics/registry.ts';
import type { VolumeStats } from '../../bus/protocol/node.ts';
import type { ContainerStateTerminated } from '../../schemas/generated/core-v1.ts';
import type { Role } from './container/record.ts';
import type { NodeContext } from './context.ts';
import { runningContainers } from './stats.ts';

export interface KubeletMetrics {
  readonly registry: Registry;
  /** Of claims, as they are at this scrape. */
  readonly volumes: VolumeStats[];
  /** `ownUsers`: it has users of its own. */
  podStarted(ownUsers: boolean): void;
  podFailedToStart(): void;
  /** Of one that was to have users of its own, something did not start. */
  userPodFailed(): void;
  containerStarted(isInit: boolean): void;
  containerTerminated(role: Role, ended: ContainerStateTerminated): void;
}
const of = (what: string, help: string) => ({ name: `kubelet_${what}`, stability: 'ALPHA', help }) as const;
/** Source: kubelet metrics.go, ContainerType. */
const TYPES: Record<Role, string> = {
  init: 'init_container',
  sidecar: 'init_container',
  main: 'container',
  ephemeral: 'ephemeral_container',
};

/** Source: kubelet metrics/collectors volume_stats.go. */
const OF_VOLUMES: readonly (readonly [what: string, help: string, value: (stats: VolumeStats) => number | undefined])[] = [
  ['capacity_bytes', 'Capacity in bytes of the volume', ({ capacityBytes }) => capacityBytes],
  ['available_bytes', 'Number of available bytes in the volume', ({ availableBytes }) => availableBytes],
  ['used_bytes', 'Number of used bytes in the volume', ({ usedBytes }) => usedBytes],
  ['inodes', 'Maximum number of inodes in the volume', ({ inodes = 0 }) => inodes],
  ['inodes_free', 'Number of free inodes in the volume', ({ inodesFree = 0 }) => inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', ({ inodesUsed = 0 }) => inodesUsed],
  ['health_status_abnormal', 'Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is unhealthy, 0 indicates volume is healthy', ({ volumeHealthStats }) => volumeHealthStats && Number(volumeHealthStats.abnormal)],
]; // prettier-ignore

export function kubeletMetrics(registry: Registry): KubeletMetrics {
  const pods = registry.counter(of('started_pods_total', 'Cumulative number of pods started')).at({});
  const failures = registry.counter(of('started_pods_errors_total', 'Cumulative number of errors when starting pods')).at({}); // prettier-ignore
  const userPods = registry.counter(of('started_user_namespaced_pods_total', 'Cumulative number of pods with user namespaces started. This metric will only be collected on Linux.')).at({}); // prettier-ignore
  const userFailures = registry.counter(of('started_user_namespaced_pods_errors_total', 'Cumulative number of errors when starting pods with user namespaces. This metric will only be collected on Linux.')).at({}); // prettier-ignore
  const containers = registry.counter(of('started_containers_total', 'Cumulative number of containers started'));
  const [init, main] = ['init_container', 'container'].map((container_type) => containers.at({ container_type }));
  const ends = registry.counter(of('terminated_containers_total', 'Cumulative number of container terminations.'));
  const volumes: VolumeStats[] = [];
  for (const [what, help, value] of OF_VOLUMES)
    registry.gauge(of(`volume_stats_${what}`, help), () =>
      volumes.flatMap((stats): Sample[] => {
        const { namespace = '', name: persistentvolumeclaim = '' } = stats.pvcRef ?? {};
        const known = value(stats);
        return known === undefined ? [] : [[{ namespace, persistentvolumeclaim }, known]];
      }),
    );
  return {
    registry,
    volumes,
    podStarted: (ownUsers) => {
      pods.n++;
      if (ownUsers) userPods.n++;
    },
    podFailedToStart: () => void failures.n++,
    userPodFailed: () => void userFailures.n++,
    containerStarted: (isInit) => void (isInit ? init! : main!).n++,
    containerTerminated: (role, { exitCode, reason = '' }) =>
      void ends.at({ container_type: TYPES[role], exit_code: String(exitCode), reason }).n++,
  };
}
/** What is read with each scrape. */
export function observe({ metrics: { registry }, pods, nodeName, runtime }: NodeContext): void {
  registry.gauge(of('node_name', "The node's name. The count is always 1."), () => [[{ node: nodeName }, 1]]);
  registry.gauge(of('running_containers', 'Number of containers currently running'), () => {
    const count = [...pods.values()].reduce((sum, worker) => sum + runningContainers({ runtime }, worker).length, 0);
    return [[{ container_state: 'running' }, count]];
  });
  registry.gauge(of('running_pods', 'Number of pods that have a running pod sandbox'), () => [
    [{}, [...pods.values()].filter((worker) => worker.sandbox !== undefined).length],
  ]);
  registry.gauge(
    of('desired_pods', 'The number of pods the kubelet is being instructed to run. static is true if the pod is not from the apiserver.'),
    () => [[{ static: '' }, pods.size], [{ static: 'true' }, 0]],
  );
} // prettier-ignore
