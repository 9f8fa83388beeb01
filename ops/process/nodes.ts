import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createInspection, type Inspection } from '../../actors/runtime/inspection.ts';
import { createRegistry, type Registry } from '../../actors/runtime/metrics/registry.ts';
import { requestMetrics } from '../../actors/runtime/metrics/requests.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { startKubelet } from '../../node-agent/kubelet/actor.ts';
import type { NodeSpec } from '../../node-agent/kubelet/node/object.ts';
import { watchTogether } from '../../node-agent/kubelet/node/shared-watch.ts';
import { createSimulatedRuntime } from '../../node-agent/runtime/simulated/runtime.ts';
import { nodeIP } from './node-ip.ts';

export type { NodeSpec } from '../../node-agent/kubelet/node/object.ts';

export interface Nodes extends Component {
  /** From now on these: starts those that do not run, stops those that are not named. Resolves when all are ready. */
  set(names: readonly string[]): Promise<void>;
}
/** Of one node. */
export interface NodeParts {
  readonly nodeName: string;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  readonly metrics: Registry;
  readonly inspection: Inspection;
}
/**
 * Composition root of simulated nodes, any number in one process. A node without `ip` gets one by its name (`nodeIP`).
 * One without `podCIDR` gets its range from the cluster's node-ipam controller, as it must where nodes run in several
 * processes that do not know of each other; `byPlace`: by its place in the list, for the first nodes of a new cluster.
 */
export function startNodes(o: {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly nodes: readonly NodeSpec[];
  readonly podCIDRs?: 'byPlace' | 'byCluster' | undefined;
  /** As of each node, see `NodeSpec`. */
  readonly cloudProvider?: 'external' | undefined;
  /** What runs beside each kubelet and ends with it; default: nothing, as there may be thousands. */
  readonly beside?: ((node: NodeParts) => { stop(): Promise<void> }) | undefined;
}): Nodes {
  const { world, bus, id } = o;
  const inspection = createInspection({ world, bus, component: 'kubelet', id });
  const kubelets = new Map<string, Component>();
  // Nodes may read themselves alone, but each may have a proxy of services, which may read them all.
  const together = watchTogether({ world, client: createApiClient(bus, world, 'kube-proxy') });
  const start = (node: NodeSpec, podCIDR: string | undefined): Promise<void> => {
    const metrics = createRegistry();
    const client = createApiClient(bus, world, `node:${node.name}`, requestMetrics(metrics, world.clock));
    const kubelet = startKubelet({
      world,
      id: `${id}/${node.name}`,
      client,
      runtime: createSimulatedRuntime(world),
      bus,
      node: {
        cloudProvider: o.cloudProvider,
        ...node,
        podCIDR: node.podCIDR ?? podCIDR,
        ip: node.ip ?? nodeIP(node.name),
      },
      inspection,
      metrics,
      // Who joined alone pays for no others.
      watchNode: kubelets.size > 0 || o.nodes.length > 1 ? together : undefined,
    });
    const beside = o.beside?.({ nodeName: node.name, client, metrics, inspection });
    const stop = async (): Promise<void> => {
      await beside?.stop();
      await kubelet.stop();
    };
    kubelets.set(node.name, { ...kubelet, stop });
    return kubelet.ready;
  };
  const begun = o.nodes.map((node, i) => start(node, o.podCIDRs === 'byPlace' ? podCIDRAt(i) : undefined));
  return {
    name: 'kubelet',
    id,
    ready: Promise.all(begun).then(() => undefined),
    state: () => {
      const states = Map.groupBy(kubelets.values(), (kubelet) => kubelet.state());
      return [...states].map(([state, of]) => `${of.length} ${state}`).join(', ') || 'empty';
    },
    async set(names) {
      const leaving = [...kubelets].filter(([name]) => !names.includes(name));
      for (const [name] of leaving) kubelets.delete(name);
      await Promise.all([
        ...leaving.map(([, kubelet]) => kubelet.stop()),
        ...names.filter((name) => !kubelets.has(name)).map((name) => start({ name }, undefined)),
      ]);
    },
    async stop() {
      await Promise.all([...kubelets.values()].map((kubelet) => kubelet.stop()));
      inspection.close();
    },
  };
}
/** 10.244.0.0/24, 10.244.1.0/24, ..., 10.245.0.0/24, ... */
const podCIDRAt = (i: number): string => `10.${244 + (i >> 8)}.${i & 255}.0/24`;
