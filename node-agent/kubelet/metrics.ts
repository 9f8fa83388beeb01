/** What a kubelet counts. Source: kubelet pkg/metrics. */
import type { Registry } from '../../actors/runtime/metrics/registry.ts';
import type { NodeContext } from './context.ts';
import { runningContainers } from './stats.ts';

export interface KubeletMetrics {
  readonly registry: Registry;
  podStarted(): void;
  podFailedToStart(): void;
  containerStarted(isInit: boolean): void;
}
const of = (what: string, help: string) => ({ name: `kubelet_${what}`, stability: 'ALPHA', help }) as const;

export function kubeletMetrics(registry: Registry): KubeletMetrics {
  const pods = registry.counter(of('started_pods_total', 'Cumulative number of pods started')).at({});
  const failures = registry.counter(of('started_pods_errors_total', 'Cumulative number of errors when starting pods')).at({}); // prettier-ignore
  const containers = registry.counter(of('started_containers_total', 'Cumulative number of containers started'));
  const [init, main] = ['init_container', 'container'].map((container_type) => containers.at({ container_type }));
  return {
    registry,
    podStarted: () => void pods.n++,
    podFailedToStart: () => void failures.n++,
    containerStarted: (isInit) => void (isInit ? init! : main!).n++,
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
