import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { keepOnce } from '../../bus/kept-values.ts';
import { announce } from '../../bus/presence.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { COMPONENT_MS, ended, GOODBYE_MS } from './ending.ts';
import { readCredentials, readJointCredentials, readRealNodesCredentials } from './credentials.ts';
import type { Health } from './health.ts';
import type { HandedConnections } from './handed-connections.ts';
import { shrinkWhenIdle } from './memory.ts';
import type { Nodes } from './nodes.ts';
import { COMPONENTS, nodeNames, type ComponentName, type ProcessSpec } from './spec.ts';
import { startComponent } from './starters.ts';

export interface RunningProcess {
  /** Resolves when every component serves. */
  readonly ready: Promise<void>;
  /** Resolves, with the reason, when a component cannot go on. */
  readonly failed: Promise<string>;
  /** What each component says of itself now. */
  health(): Health;
  /** Starts a component that does not run here; resolves when it serves. */
  begin(name: ComponentName): Promise<void>;
  /** Drains and ends one component, if it runs here. */
  end(name: ComponentName): Promise<void>;
  /** From now on the nodes of this process are these; starts or ends its node agents. */
  setNodes(names: readonly string[]): Promise<void>;
  /** Stops the components in reverse order, then their connections. */
  stop(): Promise<void>;
}
interface Running {
  readonly component: Component;
  readonly world: World;
  readonly bus: Bus;
  readonly leave: () => void;
  readonly connected: () => boolean;
}
/** Starts the components of one process, each on a connection with a credential of its own, or all on a joint one. */
export async function startProcess(
  spec: ProcessSpec,
  connections?: HandedConnections,
  onPodCIDRs?: (podCIDRs: readonly string[]) => void,
): Promise<RunningProcess> {
  const config = JSON.parse(readFileSync(join(spec.dir, 'cluster.json'), 'utf8')) as ClusterConfig;
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  const running = new Map<ComponentName, Running>();
  let nodes = spec.nodes ?? nodeNames(config);
  let podCIDRs = spec.podCIDRs;
  const relay = spec.real && (await import('../machine/bus-relay.ts')).relayToSocket(spec.real.bus);
  const connect = async (name: string, world: World, credentials: Credentials): Promise<Bus> => {
    const servers = relay ? `nats://127.0.0.1:${(await relay).port}` : spec.nats;
    return connectNats({ world, name, credentials, ...(servers !== undefined && { servers: servers.split(',') }) });
  };
  const logFile = spec.log === '-' ? undefined : (spec.log ?? join(spec.dir, 'logs', `${spec.name}.log`));
  const worldOf = (component: string): World => realWorld({ component, file: logFile });
  const joint = spec.joint ? connect(spec.name, worldOf(spec.name), readJointCredentials(spec.dir)) : undefined;
  const both = (['etcd', 'apiserver'] as const).every((name) => spec.components.includes(name));
  const keepValue = both ? keepOnce() : undefined;
  const start = async (name: ComponentName): Promise<void> => {
    const world = worldOf(name);
    const credentials = (): Credentials =>
      spec.real ? readRealNodesCredentials(spec.dir) : readCredentials(spec.dir, name);
    const bus = await (joint ?? connect(name, world, credentials()));
    const id = spec.id ?? `${spec.replica ?? name}-${world.ids.suffix(5)}`;
    const component = await startComponent(name, { spec: { ...spec, podCIDRs }, config, world, bus, id, nodes, connections, keepValue, onPodCIDRs }); // prettier-ignore
    const presence = announce(bus, world, {
      component: name === 'nodes' ? 'node-agent' : name,
      id,
      state: () => component.state(),
    });
    let connected = true;
    const connection = bus.onConnection((is) => (connected = is));
    const leave = (): void => {
      presence.stop();
      connection.unsubscribe();
    };
    running.set(name, { component, world, bus, leave, connected: () => connected });
    await component.ready;
  };
  const ending = new Map<ComponentName, Promise<void>>();
  const end = (name: ComponentName): Promise<void> => {
    const one = running.get(name);
    if (one === undefined) return ending.get(name) ?? Promise.resolve();
    running.delete(name);
    const over = endOf(name, one).finally(() => ending.get(name) === over && ending.delete(name));
    ending.set(name, over);
    return over;
  };
  const endOf = async (name: ComponentName, { component, world, bus, leave }: Running): Promise<void> => {
    const tell = (problem: string): void => world.log.error(problem, { id: component.id, state: component.state() });
    // Who leads hands over first: at his farewell the others take what he has.
    if (!ELECTED.has(name)) leave();
    await ended(name, COMPONENT_MS, () => component.stop(), tell);
    leave();
    if (joint === undefined) await ended(`the connection of ${name}`, GOODBYE_MS, () => bus.drain(), tell);
  };
  // The API server of this process need not ask for a store that is still loading; its modules load meanwhile.
  const store = spec.components.includes('etcd') ? start('etcd') : undefined;
  if (store !== undefined && spec.components.includes('apiserver')) void import('../../actors/apiserver/actor.ts');
  const others = spec.components.filter((name) => name !== 'etcd');
  const ready = Promise.all([
    store,
    ...others.map((name) => (store ? store.then(() => start(name)) : start(name))),
  ]).then(() => undefined);
  let serves = false;
  void ready.then(
    () => (serves = true),
    () => undefined,
  );
  ready.then(shrinkWhenIdle, (error: unknown) => fail((error as Error).message));
  return {
    ready,
    failed,
    health: () => {
      const components = [...running].map(([name, { component, connected }]) => {
        return { name, state: component.state(), connected: connected() };
      });
      return { healthy: serves && components.every((c) => c.connected), components };
    },
    begin: start,
    end,
    setNodes: async (names) => {
      nodes = names;
      podCIDRs = undefined;
      const agent = running.get('nodes')?.component as Nodes | undefined;
      if (agent !== undefined) await agent.set(names);
      else if (names.length > 0) await start('nodes');
    },
    stop: async () => {
      // What others depend on goes last: nodes and controllers before the API server, that before the store.
      for (const name of [...running.keys()].toSorted(byStart).toReversed()) await end(name);
      // Who was told before to end just this may be waiting for it still.
      await Promise.all(ending.values());
      const { log } = worldOf(spec.name);
      await ended(
        'the connection to the bus',
        GOODBYE_MS,
        async () => (await joint)?.drain(),
        (why) => log.error(why),
      );
      (await relay)?.close();
    },
  };
}
/** Of their replicas one leads. */
const ELECTED: ReadonlySet<ComponentName> = new Set([
  'controller-manager',
  'scheduler',
  'cloud-controller-manager',
  'ingress',
]);
const byStart = (a: ComponentName, b: ComponentName): number => COMPONENTS.indexOf(a) - COMPONENTS.indexOf(b);
