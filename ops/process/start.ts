import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { announce } from '../../bus/presence.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { readCredentials, readJointCredentials } from './credentials.ts';
import type { HandedConnections } from './handed-connections.ts';
import { shrinkWhenIdle } from './memory.ts';
import type { Nodes } from './nodes.ts';
import { nodeNames, type ComponentName, type ProcessSpec } from './spec.ts';

export interface RunningProcess {
  /** Resolves when every component serves. */
  readonly ready: Promise<void>;
  /** Resolves, with the reason, when a component cannot go on. */
  readonly failed: Promise<string>;
  /** Starts a component that does not run here; resolves when it serves. */
  begin(name: ComponentName): Promise<void>;
  /** Drains and ends one component, if it runs here. */
  end(name: ComponentName): Promise<void>;
  /** From now on the nodes of this process are these; starts or ends its node agents. */
  setNodes(names: readonly string[]): Promise<void>;
  /** Stops the components in reverse order, then their connections. */
  stop(): Promise<void>;
}
interface Context {
  readonly spec: ProcessSpec;
  readonly config: ClusterConfig;
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly nodes: readonly string[];
  readonly connections: HandedConnections | undefined;
}
/** Thrown: UserError that names the file and whose it is. */
function file(c: Context, component: ComponentName, ...path: string[]): string {
  const place = join(c.spec.dir, ...path);
  try {
    return readFileSync(place, 'utf8');
  } catch (error) {
    throw new UserError(
      `${place} cannot be read (${(error as NodeJS.ErrnoException).code}): the ${component} needs it; copy it from the folder of the cluster`,
    );
  }
}

/** How each component is started; imported when it is, so that a process loads only what it runs. */
const STARTERS: Readonly<Record<ComponentName, (c: Context) => Promise<Component>>> = {
  etcd: async (c) => {
    const [{ startEtcd }, { openNatsLog }, { natsConnectionOf }] = await Promise.all([
      import('../../actors/etcd/actor.ts'),
      import('../../bus/nats/log.ts'),
      import('../../bus/nats/connect.ts'),
    ]);
    const log = await openNatsLog({
      connection: natsConnectionOf(c.bus),
      world: c.world,
      durable: !c.config.ephemeral,
    });
    return startEtcd({ world: c.world, bus: c.bus, id: c.id, log, snapshotDir: join(c.spec.dir, 'snapshots') });
  },
  apiserver: async (c) => {
    const { startApiserver } = await import('../../actors/apiserver/actor.ts');
    return startApiserver({
      world: c.world,
      bus: c.bus,
      id: c.id,
      https: {
        host: c.spec.host,
        port: c.spec.port ?? c.config.port,
        key: file(c, 'apiserver', 'pki', 'apiserver.key'),
        cert: file(c, 'apiserver', 'pki', 'apiserver.crt'),
        clientCa: file(c, 'apiserver', 'pki', 'ca.crt'),
        connections: c.connections,
      },
      reusePort: true,
      replica: c.spec.replica,
      serviceAccountKey: file(c, 'apiserver', 'pki', 'sa.key'),
      disableAdmission: c.config.disableAdmission,
    });
  },
  'controller-manager': async (c) => {
    const { startControllerManager } = await import('./controller-manager.ts');
    const clusterCa = file(c, 'controller-manager', 'pki', 'ca.crt');
    return startControllerManager({ world: c.world, bus: c.bus, id: c.id, clusterCa });
  },
  scheduler: async (c) =>
    (await import('./scheduler.ts')).startSchedulerProcess({ world: c.world, bus: c.bus, id: c.id }),
  nodes: async (c) =>
    (await import('./nodes.ts')).startNodes({
      world: c.world,
      bus: c.bus,
      id: c.id,
      nodes: c.nodes.map((name) => ({ name })),
      podCIDRs: c.spec.podCIDRs,
    }),
};

interface Running {
  readonly component: Component;
  readonly bus: Bus;
  readonly leave: () => void;
}
/** Starts the components of one process, each on a connection with a credential of its own, or all on a joint one. */
export async function startProcess(spec: ProcessSpec, connections?: HandedConnections): Promise<RunningProcess> {
  const config = JSON.parse(readFileSync(join(spec.dir, 'cluster.json'), 'utf8')) as ClusterConfig;
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  const running = new Map<ComponentName, Running>();
  let nodes = spec.nodes ?? nodeNames(config);
  let podCIDRs = spec.podCIDRs;
  const connect = (name: string, world: World, credentials: Credentials): Promise<Bus> =>
    connectNats({ world, name, credentials, ...(spec.nats !== undefined && { servers: spec.nats.split(',') }) });
  const logFile = spec.log === '-' ? undefined : (spec.log ?? join(spec.dir, 'logs', `${spec.name}.log`));
  const worldOf = (component: string): World => realWorld({ component, file: logFile });
  const joint = spec.joint ? connect(spec.name, worldOf(spec.name), readJointCredentials(spec.dir)) : undefined;
  const start = async (name: ComponentName): Promise<void> => {
    const world = worldOf(name);
    const bus = await (joint ?? connect(name, world, readCredentials(spec.dir, name)));
    const id = `${name}-${world.ids.suffix(5)}`;
    const component = await STARTERS[name]({ spec: { ...spec, podCIDRs }, config, world, bus, id, nodes, connections });
    const presence = announce(bus, world, {
      component: name === 'nodes' ? 'node-agent' : name,
      id,
      state: () => component.state(),
    });
    running.set(name, { component, bus, leave: () => presence.stop() });
    await component.ready;
  };
  const end = async (name: ComponentName): Promise<void> => {
    const one = running.get(name);
    if (one === undefined) return;
    running.delete(name);
    one.leave();
    await one.component.stop();
    if (joint === undefined) await one.bus.drain();
  };
  // The API server of this process need not ask for a store that is still loading; its modules load meanwhile.
  const store = spec.components.includes('etcd') ? start('etcd') : undefined;
  if (store !== undefined && spec.components.includes('apiserver')) void import('../../actors/apiserver/actor.ts');
  const others = spec.components.filter((name) => name !== 'etcd');
  const ready = Promise.all([
    store,
    ...others.map((name) => (store ? store.then(() => start(name)) : start(name))),
  ]).then(() => undefined);
  ready.then(shrinkWhenIdle, (error: unknown) => fail((error as Error).message));
  return {
    ready,
    failed,
    begin: start,
    end,
    setNodes: async (names) => {
      nodes = names;
      podCIDRs = undefined;
      await (running.get('nodes')?.component as Nodes | undefined)?.set(names);
    },
    stop: async () => {
      // What others depend on goes last: nodes and controllers before the API server, that before the store.
      for (const name of [...running.keys()].toSorted(byStart).toReversed()) await end(name);
      await (await joint)?.drain();
    },
  };
}
const ORDER: readonly ComponentName[] = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'nodes'];
const byStart = (a: ComponentName, b: ComponentName): number => ORDER.indexOf(a) - ORDER.indexOf(b);
