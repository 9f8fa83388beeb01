import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createInspection } from '../../actors/runtime/inspection.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { startKubelet } from '../../node-agent/kubelet/actor.ts';
import type { NodeSpec } from '../../node-agent/kubelet/node/object.ts';
import { createSimulatedRuntime } from '../../node-agent/runtime/simulated/runtime.ts';

export type { NodeSpec } from '../../node-agent/kubelet/node/object.ts';

/**
 * Composition root of simulated nodes, any number in one process. A node without `ip` gets one by its place in the list,
 * and likewise one without `podCIDR`, unless `podCIDRs` is `byCluster`: then the cluster's node-ipam controller gives it,
 * as it must where nodes run in several processes that do not know of each other.
 */
export function startNodes(o: {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly nodes: readonly NodeSpec[];
  readonly podCIDRs?: 'byPlace' | 'byCluster' | undefined;
}): Component {
  const { world, bus, id } = o;
  const inspection = createInspection({ world, bus, component: 'kubelet', id });
  const kubelets = o.nodes.map((node, i) =>
    startKubelet({
      world,
      id: `${id}/${node.name}`,
      client: createApiClient(bus, world, `node:${node.name}`),
      runtime: createSimulatedRuntime(world),
      bus,
      node: {
        ...node,
        podCIDR: node.podCIDR ?? (o.podCIDRs === 'byCluster' ? undefined : podCIDR(i)),
        ip: node.ip ?? nodeIP(i),
      },
      inspection,
    }),
  );
  return {
    name: 'kubelet',
    id,
    ready: Promise.all(kubelets.map((kubelet) => kubelet.ready)).then(() => undefined),
    state: () => {
      const states = Map.groupBy(kubelets, (kubelet) => kubelet.state());
      return [...states].map(([state, of]) => `${of.length} ${state}`).join(', ') || 'empty';
    },
    async stop() {
      await Promise.all(kubelets.map((kubelet) => kubelet.stop()));
      inspection.close();
    },
  };
}
/** 10.244.0.0/24, 10.244.1.0/24, ..., 10.245.0.0/24, ... */
const podCIDR = (i: number): string => `10.${244 + (i >> 8)}.${i & 255}.0/24`;
const nodeIP = (i: number): string => `172.18.${(i + 2) >> 8}.${(i + 2) & 255}`;
