import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { announce } from '../../bus/presence.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { readCredentials, readJointCredentials } from './credentials.ts';
import { shrinkWhenIdle } from './memory.ts';
import { nodeNames, type ComponentName, type ProcessSpec } from './spec.ts';

export interface RunningProcess {
  /** Resolves when every component serves. */
  readonly ready: Promise<void>;
  /** Resolves, with the reason, when a component cannot go on. */
  readonly failed: Promise<string>;
  /** Stops the components in reverse order, then their connections. */
  stop(): Promise<void>;
}
interface Context {
  readonly spec: ProcessSpec;
  readonly config: ClusterConfig;
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
}
const file = (c: Context, ...path: string[]): string => readFileSync(join(c.spec.dir, ...path), 'utf8');

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
        port: c.config.port,
        key: file(c, 'pki', 'apiserver.key'),
        cert: file(c, 'pki', 'apiserver.crt'),
        clientCa: file(c, 'pki', 'ca.crt'),
      },
      serviceAccountKey: file(c, 'pki', 'sa.key'),
      disableAdmission: c.config.disableAdmission,
    });
  },
  'controller-manager': async (c) => {
    const { startControllerManager } = await import('./controller-manager.ts');
    return startControllerManager({ world: c.world, bus: c.bus, id: c.id, clusterCa: file(c, 'pki', 'ca.crt') });
  },
  scheduler: async (c) =>
    (await import('./scheduler.ts')).startSchedulerProcess({ world: c.world, bus: c.bus, id: c.id }),
  nodes: async (c) =>
    (await import('./nodes.ts')).startNodes({
      world: c.world,
      bus: c.bus,
      id: c.id,
      nodes: nodeNames(c.config).map((name) => ({ name })),
    }),
};

/** Starts the components of one process, each on a connection with a credential of its own, or all on a joint one. */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
  const config = JSON.parse(readFileSync(join(spec.dir, 'cluster.json'), 'utf8')) as ClusterConfig;
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  const running = new Map<ComponentName, { component: Component; bus: Bus; leave: () => void }>();
  const connect = (name: string, world: World, credentials: Credentials): Promise<Bus> =>
    connectNats({ world, name, credentials, ...(spec.nats !== undefined && { servers: spec.nats }) });
  const worldOf = (component: string): World =>
    realWorld({ component, file: join(spec.dir, 'logs', `${spec.name}.log`) });
  const joint = spec.joint ? connect(spec.name, worldOf(spec.name), readJointCredentials(spec.dir)) : undefined;
  const start = async (name: ComponentName): Promise<void> => {
    const world = worldOf(name);
    const bus = await (joint ?? connect(name, world, readCredentials(spec.dir, name)));
    const context: Context = { spec, config, world, bus, id: `${name}-${world.ids.suffix(5)}` };
    const component = await STARTERS[name](context);
    const presence = announce(bus, world, {
      component: name === 'nodes' ? 'node-agent' : name,
      id: context.id,
      state: () => component.state(),
    });
    running.set(name, { component, bus, leave: () => presence.stop() });
    await component.ready;
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
    stop: async () => {
      // What others depend on goes last: nodes and controllers before the API server, that before the store.
      for (const name of spec.components.toReversed()) {
        const one = running.get(name);
        if (one === undefined) continue;
        const { component, bus, leave } = one;
        leave();
        await component.stop();
        if (joint === undefined) await bus.drain();
      }
      await (await joint)?.drain();
    },
  };
}
