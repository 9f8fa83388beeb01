import type { AnyStateMachine } from 'xstate';

export interface Chart {
  readonly machine: AnyStateMachine;
  /** What runs one of these. */
  readonly about: string;
}
/** What each chart is the life of, by its id. A chart that is missing here is listed all the same, without a word. */
const ABOUT: Readonly<Record<string, string>> = {
  etcd: 'the store',
  apiserver: 'an API server',
  scheduler: 'the scheduler',
  attempt: 'one attempt to place a pod',
  cloud: 'the cloud controllers',
  listener: "a port of a load balancer's address",
  controller: 'a controller',
  key: 'an object that a controller keeps in sync',
  leader: 'one who stands for a Lease',
  watch: 'a watch over the bus',
  nodeAuthenticator: 'the one who lets nodes in',
  dns: 'a name server of the cluster',
  ingress: 'an ingress controller',
  metrics: 'the one who says what pods and nodes use',
  nodeHealth: 'a node, as the node-lifecycle controller sees it',
  kubelet: 'the kubelet of a node',
  pod: 'a pod on its node',
  container: 'a container of a pod',
  probe: 'a probe of a container',
  certificate: 'the certificate of a node',
  volume: 'a volume of a pod',
  eviction: 'the one who sees to it that a node does not run out',
  garbage: 'the one who clears images and remains of containers away',
  podNetwork: 'the pod network of a node',
  networkPolicy: 'the network policies of a node',
  kubeProxy: 'the kube-proxy of a node',
};
/** Every chart of the product by its id, imported when somebody asks to see them. In the order in which a request meets them. */
export async function machines(): Promise<ReadonlyMap<string, Chart>> {
  const modules: object[] = await Promise.all([
    import('../../actors/apiserver/machine.ts'),
    import('../../actors/etcd/machine.ts'),
    import('../../actors/runtime/watch-machine.ts'),
    import('../../actors/runtime/leader-machine.ts'),
    import('../../actors/runtime/controller-machine.ts'),
    import('../../actors/controllers/node-lifecycle/machine.ts'),
    import('../../actors/node-authenticator/machine.ts'),
    import('../../actors/scheduler/machine.ts'),
    import('../../actors/dns/machine.ts'),
    import('../../actors/ingress/machine.ts'),
    import('../../actors/metrics/machine.ts'),
    import('../../actors/cloud/machine.ts'),
    import('../../actors/cloud/local/machine.ts'),
    import('../../node-agent/kubelet/machine.ts'),
    import('../../node-agent/kubelet/pod/machine.ts'),
    import('../../node-agent/kubelet/container/machine.ts'),
    import('../../node-agent/kubelet/probe/machine.ts'),
    import('../../node-agent/kubelet/certificates/machine.ts'),
    import('../../node-agent/volumes/machine.ts'),
    import('../../node-agent/kubelet/eviction/machine.ts'),
    import('../../node-agent/kubelet/garbage/machine.ts'),
    import('../../node-agent/network/machine.ts'),
    import('../../node-agent/network/policy/machine.ts'),
    import('../../node-agent/kube-proxy/machine.ts'),
  ]);
  return new Map(modules.flatMap(chartsOf).map((machine) => [machine.id, { machine, about: ABOUT[machine.id] ?? '' }]));
}
/** The charts that a module exports. */
export const chartsOf = (module: object): AnyStateMachine[] => Object.values(module).filter(isMachine);
const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' && value !== null && 'root' in value && 'definition' in value;
