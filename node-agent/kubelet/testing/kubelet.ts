import type { Bus } from '../../../bus/bus.ts';
import type { Event, Node, Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';
import { events, nodes, pods } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import { createSimulatedRuntime } from '../../runtime/simulated/runtime.ts';
import { SIMULATE } from '../../runtime/simulated/script.ts';
import { startKubelet, type Kubelet, type KubeletOptions } from '../actor.ts';
import type { NodeSpec } from '../node/object.ts';

/** A kubelet on a node `n1`, an API to talk to, and a clock that the test moves. */
export interface Bench {
  readonly world: TestWorld;
  readonly api: FakeApi;
  kubelet: Kubelet;
  /** Another kubelet on the same node and API, with a runtime that knows nothing. */
  restart(): Promise<void>;
  /** Creates a pod bound to the node; `script` is its simulation. */
  run(name: string, spec?: Partial<PodSpec>, script?: unknown): Promise<Pod>;
  pod(name: string): Pod | undefined;
  node(): Node;
  state(name: string): string | undefined;
  /** `reason: message` of each event of a pod. */
  told(name: string): string[];
  writes(): number;
  stop(): Promise<void>;
}
export async function bench(
  node: Omit<Partial<NodeSpec>, 'ip'> = {},
  bus?: Bus,
  more: Pick<KubeletOptions, 'staticPods' | 'handlers' | 'door'> = {},
): Promise<Bench> {
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client();
  const start = (): Kubelet =>
    startKubelet({
      world,
      id: 'k',
      client: api.client('node:n1'),
      runtime: createSimulatedRuntime(world),
      bus,
      ...more,
      node: { name: 'n1', ip: '172.18.0.2', podCIDR: '10.244.7.0/24', ...node },
    });
  const b: Bench = {
    world,
    api,
    kubelet: start(),
    async restart() {
      await b.stop();
      b.kubelet = start();
      await b.world.until(() => b.kubelet.state() === 'running');
    },
    run: (name, spec = {}, script) =>
      client.create<Pod>(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: 'default',
          ...(script !== undefined && { annotations: { [SIMULATE]: JSON.stringify(script) } }),
        },
        spec: { containers: [{ name: 'main', image: 'app:1' }], nodeName: 'n1', restartPolicy: 'Always', ...spec },
      }),
    pod: (name) => api.object<Pod>(pods, `default/${name}`),
    node: () => api.object<Node>(nodes, 'n1')!,
    state: (name) => b.kubelet.podStates().get(`default/${name}`),
    told: (name) =>
      api
        .objects<Event>(events)
        .filter((e) => e.involvedObject.name === name)
        .map((e) => `${e.reason}: ${e.message}${(e.count ?? 1) > 1 ? ` (x${e.count})` : ''}`),
    writes: () => api.calls.filter((c) => c.resource === 'pods/status').length,
    async stop() {
      let done = false;
      const stopping = b.kubelet.stop().then(() => (done = true));
      while (!done) await world.settle();
      await stopping;
    },
  };
  if (!('podCIDR' in node)) await world.until(() => b.kubelet.state() === 'running');
  return b;
}
