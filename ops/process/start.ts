import { existsSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import type { Component } from '../../actors/runtime/component.ts';
import { createInspection, type Inspection } from '../../actors/runtime/inspection.ts';
import type { Bus } from '../../bus/bus.ts';
import type { Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { keepOnce, type KeepValue } from '../../bus/kept-values.ts';
import { announce } from '../../bus/presence.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { auditOf } from '../cluster/audit.ts';
import { authenticationOf } from '../cluster/authentication.ts';
import { authorizationOf } from '../cluster/authorization.ts';
import { schedulerSettings } from '../cluster/scheduler.ts';
import { encryptionOf } from '../cluster/encryption.ts';
import { COMPONENT_MS, ended, GOODBYE_MS } from './ending.ts';
import { readCredentials, readJointCredentials, readNodeAuthority } from './credentials.ts';
import type { Health } from './health.ts';
import type { HandedConnections } from './handed-connections.ts';
import { shrinkWhenIdle } from './memory.ts';
import type { Nodes } from './nodes.ts';
import { addonOf, addonsOf } from './addons.ts';
import { COMPONENTS, nodeNames, type ComponentName, type CoreComponent, type ProcessSpec } from './spec.ts';

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
interface Context {
  readonly spec: ProcessSpec;
  readonly config: ClusterConfig;
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly nodes: readonly string[];
  readonly connections: HandedConnections | undefined;
  /** Undefined where store and API server are not of one thread. */
  readonly keepValue: KeepValue | undefined;
}
/** Folders of an older version have none: their API servers believe no proxy. */
function frontProxyOf(c: Context): Record<'ca' | 'cert' | 'key', string> | undefined {
  if (!existsSync(join(c.spec.dir, 'pki', 'front-proxy-client.crt'))) return undefined;
  const own = (name: string): string => file(c, 'apiserver', 'pki', `front-proxy-${name}`);
  return { ca: own('ca.crt'), cert: own('client.crt'), key: own('client.key') };
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

/** With an inspection that lives as long as the component. */
function inspected(c: Context, component: string, start: (inspection: Inspection) => Component): Component {
  const inspection = createInspection({ world: c.world, bus: c.bus, component, id: c.id });
  const started = start(inspection);
  return {
    name: started.name,
    id: started.id,
    ready: started.ready,
    state: () => started.state(),
    stop: () => started.stop().finally(() => inspection.close()),
  };
}
/** Of the disk of the cluster's folder; Infinity where that cannot be told. */
const freeBytesOf = (dir: string) => (): number => {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
};

/** Whether nodes are a cloud's. */
const cloudProviderOf = ({ config }: Context): 'external' | undefined =>
  addonsOf(config).includes('cloud') ? 'external' : undefined;

/** How each component is started; imported when it is, so that a process loads only what it runs. */
const STARTERS: Readonly<Record<CoreComponent, (c: Context) => Promise<Component>>> = {
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
    const snapshotDir = join(c.spec.dir, 'snapshots');
    return inspected(c, 'etcd', (inspection) =>
      startEtcd({
        world: c.world,
        bus: c.bus,
        id: c.id,
        keepValue: c.keepValue,
        log,
        snapshotDir,
        freeBytes: freeBytesOf(c.spec.dir),
        door: c.spec.etcdDoor && {
          ...c.spec.etcdDoor,
          ca: file(c, 'etcd', 'pki', 'etcd', 'ca.crt'),
          cert: file(c, 'etcd', 'pki', 'etcd', 'server.crt'),
          key: file(c, 'etcd', 'pki', 'etcd', 'server.key'),
        },
        inspection,
      }),
    );
  },
  apiserver: async (c) => {
    const { startApiserver } = await import('../../actors/apiserver/actor.ts');
    const { accountTokensKeyIn } = await import('../pki/account-tokens.ts');
    const encryption = await encryptionOf(c.spec.dir, c.spec.encryption ?? {}, c.world.log);
    const audit = await auditOf(c.spec.dir, c.spec.audit ?? {});
    const authentication = await authenticationOf(c.spec.dir, c.spec.authentication ?? {});
    const authorization = await authorizationOf(c.spec.dir, c.spec.authorization ?? {}, c.world.log);
    const proxy = frontProxyOf(c);
    const start = (inspection: Inspection): Component =>
      startApiserver({
        inspection,
        world: c.world,
        bus: c.bus,
        id: c.id,
        keepValue: c.keepValue,
        https: {
          host: c.spec.host,
          port: c.spec.port ?? c.config.port,
          key: file(c, 'apiserver', 'pki', 'apiserver.key'),
          cert: file(c, 'apiserver', 'pki', 'apiserver.crt'),
          clientCa: file(c, 'apiserver', 'pki', 'ca.crt'),
          frontProxyCa: proxy?.ca,
          connections: c.connections,
        },
        ...(proxy && { frontProxy: proxy }),
        reusePort: true,
        replica: c.spec.replica,
        serviceAccountKey: file(c, 'apiserver', 'pki', 'sa.key'),
        secretTokensKey: accountTokensKeyIn(join(c.spec.dir, 'pki')),
        encryption,
        audit,
        authentication,
        authorization,
        maxRequestsInFlight: c.spec.inFlight?.maxRequestsInflight ?? c.config.maxRequestsInflight,
        maxMutatingRequestsInFlight:
          c.spec.inFlight?.maxMutatingRequestsInflight ?? c.config.maxMutatingRequestsInflight,
        enableAdmission: c.config.enableAdmission,
        disableAdmission: c.config.disableAdmission,
        serviceCidrs: c.config.serviceCidrs,
        servesMetrics: addonsOf(c.config).includes('metrics'),
      });
    return inspected(c, 'apiserver', start);
  },
  'controller-manager': async (c) => {
    const { startControllerManager } = await import('./controller-manager.ts');
    const clusterCa = file(c, 'controller-manager', 'pki', 'ca.crt');
    const [{ readRequest, signerIn }, { tokenIssuerIn }] = await Promise.all([
      import('../pki/signing.ts'),
      import('../pki/account-tokens.ts'),
    ]);
    const pki = join(c.spec.dir, 'pki');
    const [signer, issueToken] = [signerIn(pki), tokenIssuerIn(pki)];
    const { clusterCidrs, serviceCidrs, nodeMasks } = c.config;
    return startControllerManager({ world: c.world, bus: c.bus, id: c.id, clusterCa, signer, readRequest, issueToken, clusterCidrs, serviceCidrs, nodeMasks }); // prettier-ignore
  },
  scheduler: async (c) => {
    const settings = await schedulerSettings(c.spec.dir, c.spec.scheduler ?? {}, c.world.log);
    return (await import('./scheduler.ts')).startSchedulerProcess({ world: c.world, bus: c.bus, id: c.id, settings });
  },
  'node-authenticator': async (c) => {
    const [{ startNodeAuthenticator }, { createNodeGate }] = await Promise.all([
      import('../../actors/node-authenticator/actor.ts'),
      import('../../bus/nats/node-gate.ts'),
    ]);
    const { urls, ca } = c.spec.joint
      ? readJointCredentials(c.spec.dir)
      : readCredentials(c.spec.dir, 'node-authenticator');
    const servers = { urls: c.spec.nats?.split(',') ?? urls, ca };
    const gate = createNodeGate({ bus: c.bus, world: c.world, authority: readNodeAuthority(c.spec.dir), servers });
    return startNodeAuthenticator({ world: c.world, bus: c.bus, id: c.id, gate, cloudProvider: cloudProviderOf(c) });
  },
  nodes: async (c) =>
    (await import('./nodes.ts')).startNodes({
      world: c.world,
      bus: c.bus,
      id: c.id,
      nodes: c.nodes.map((name) => ({ name })),
      podCIDRs: c.config.clusterCidrs || c.config.nodeMasks ? 'byCluster' : c.spec.podCIDRs,
      cloudProvider: cloudProviderOf(c),
    }),
};
const startComponent = (name: ComponentName, c: Context): Promise<Component> =>
  addonOf(name)?.start({
    world: c.world,
    bus: c.bus,
    id: c.id,
    config: c.config,
    dir: c.spec.dir,
    dns: c.spec.dns,
    ingress: c.spec.ingress,
  }) ?? STARTERS[name as CoreComponent](c);

interface Running {
  readonly component: Component;
  readonly world: World;
  readonly bus: Bus;
  readonly leave: () => void;
  readonly connected: () => boolean;
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
  const both = (['etcd', 'apiserver'] as const).every((name) => spec.components.includes(name));
  const keepValue = both ? keepOnce() : undefined;
  const start = async (name: ComponentName): Promise<void> => {
    const world = worldOf(name);
    const bus = await (joint ?? connect(name, world, readCredentials(spec.dir, name)));
    const id = spec.id ?? `${spec.replica ?? name}-${world.ids.suffix(5)}`;
    const component = await startComponent(name, { spec: { ...spec, podCIDRs }, config, world, bus, id, nodes, connections, keepValue }); // prettier-ignore
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
    const isElected = name.endsWith('controller-manager') || name === 'scheduler' || name === 'ingress';
    if (!isElected) leave();
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
    },
  };
}
const byStart = (a: ComponentName, b: ComponentName): number => COMPONENTS.indexOf(a) - COMPONENTS.indexOf(b);
