import { createApiClient } from '../../actors/runtime/client.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { startApiserver } from '../../actors/apiserver/actor.ts';
import { startEtcd } from '../../actors/etcd/actor.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Log, LogEntry } from '../../bus/log.ts';
import { createMemoryHub, type MemoryHub } from '../../bus/memory/bus.ts';
import { createMemoryLog } from '../../bus/memory/log.ts';
import { simulate, type Simulation } from '../../bus/memory/simulation.ts';
import { announce } from '../../bus/presence.ts';
import type { World } from '../../bus/world.ts';
import { startControllerManager, type ControllerManagerOptions } from '../process/controller-manager.ts';
import { startNodes } from '../process/nodes.ts';
import { startSchedulerProcess } from '../process/scheduler.ts';
import { readStored } from '../store/stored-value.ts';

export interface SimulatedCluster {
  readonly simulation: Simulation;
  readonly hub: MemoryHub;
  /** The API as the administrator. */
  readonly admin: ApiClient;
  /** Everything ever committed, one line an entry: time, revision, key, value as JSON. */
  readonly history: readonly string[];
  /** Everything ever committed. */
  readonly log: Log;
  /** The controller managers and the schedulers, by the names of their connections. */
  readonly candidates: ReadonlyMap<string, Component>;
  /** Ends a node's process as a power cut would. */
  loseNode(name: string): void;
  stop(): Promise<void>;
}
/** A fixed key: what is signed with it must not differ between runs, and nothing outside believes it. */
const CLUSTER_CA = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';

/** Not all are objects in MessagePack: whose a port is, is written otherwise. */
function textOf({ value, revision }: LogEntry): string {
  if (value === undefined) return 'deleted';
  const stored = readStored({ value, modRevision: revision });
  return JSON.stringify('object' in stored ? stored.object : stored);
}

/**
 * A whole cluster in this process on the memory transport and a simulated clock: store, API server, controllers,
 * scheduler, one process a node. What happens follows from the seed alone.
 */
export async function startSimulatedCluster(
  seed: number,
  nodes: readonly string[],
  options: {
    readonly controllerManagers?: number;
    readonly schedulers?: number;
    /** What the controllers know of the cluster's authority; default: nothing. */
    readonly authority?: Pick<ControllerManagerOptions, 'issueToken' | 'readRequest' | 'signer'>;
  } = {},
): Promise<SimulatedCluster> {
  const simulation = simulate(seed);
  const hub = createMemoryHub({ simulation });
  const history: string[] = [];
  const running: Component[] = [];
  const world = (name: string) => simulation.world(name);
  const start = async (component: Component): Promise<void> => {
    running.push(component);
    let settled = false;
    let failure: unknown;
    component.ready.then(
      () => (settled = true),
      (error: unknown) => (failure = error),
    );
    await simulation.run(() => settled || failure !== undefined, 60_000);
    if (failure !== undefined) throw failure as Error;
  };
  const etcdBus = hub.connect('etcd', { world: world('etcd') });
  const log = createMemoryLog({ world: world('log'), bus: hub.connect('log', { world: world('log-bus') }) });
  log.subscribe((e) => history.push(`${simulation.now()} ${e.revision} ${e.key} ${textOf(e)}`));
  await start(startEtcd({ world: world('etcd'), bus: etcdBus, log, id: 'etcd-0' }));
  await start(
    startApiserver({
      world: world('apiserver'),
      bus: hub.connect('apiserver', { world: world('apiserver') }),
      id: 'apiserver-0',
    }),
  );
  const candidates = new Map<string, Component>();
  const candidate = async (name: string, from: (bus: Bus, world: World) => Component): Promise<void> => {
    const bus = hub.connect(name, { world: world(name) });
    const component = from(bus, world(name));
    candidates.set(name, component);
    // As its process would.
    announce(bus, world(name), { component: component.name, id: component.id, state: () => component.state() });
    await start(component);
  };
  for (let i = 0; i < (options.controllerManagers ?? 1); i++)
    await candidate(`controllers-${i}`, (bus, own) =>
      startControllerManager({
        world: own,
        bus,
        id: `controllers-${i}`,
        clusterCa: CLUSTER_CA,
        ...options.authority,
      }),
    );
  for (let i = 0; i < (options.schedulers ?? 1); i++)
    await candidate(`scheduler-${i}`, (bus, own) => startSchedulerProcess({ world: own, bus, id: `scheduler-${i}` }));
  for (const [i, name] of nodes.entries()) {
    const spec = { name, podCIDR: `10.244.${i}.0/24`, ip: `172.18.0.${i + 2}` };
    await start(
      startNodes({ world: world(name), bus: hub.connect(name, { world: world(name) }), id: name, nodes: [spec] }),
    );
  }
  return {
    simulation, hub, history, log, candidates,
    admin: createApiClient(hub.connect('console', { world: world('console') }), world('console'), 'admin'),
    loseNode: (name) => hub.kill(name),
    stop: async () => {
      let stopped = false;
      const stopping = Promise.allSettled(running.map((c) => c.stop())).then(() => (stopped = true));
      await simulation.run(() => stopped, 120_000);
      await stopping;
    },
  }; // prettier-ignore
}
