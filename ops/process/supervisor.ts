import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bus } from '../../bus/bus.ts';
import { lockHolder, releaseLock, takeLock } from '../cluster/lock.ts';
import {
  alreadyUp,
  realNodes,
  removeCluster,
  writeConfig,
  serviceHosts,
  type ClusterConfig,
} from '../cluster/config.ts';
import { kubeconfigFor, mergeKubeconfig, unmergeKubeconfig, writePrivate } from '../cluster/kubeconfig.ts';
import { userKubeconfig, type ClusterPaths } from '../cluster/paths.ts';
import { connectTool } from '../cluster/connect.ts';
import { dnsObstacle } from '../cluster/dns.ts';
import { ingressObstacle } from '../cluster/ingress-ports.ts';
import { busHost } from '../cluster/listen.ts';
import { claimPort, obstacle } from '../cluster/ports.ts';
import { UserError } from '../cli/output.ts';
import type { Machine } from '../machine/nodes.ts';
import { addressAt, HOST_PLACE } from '../machine/ranges.ts';
import { findNatsServer } from '../fetch/nats-server.ts';
import { watchDisk, type DiskWatch } from '../nats/disk.ts';
import { startNatsServer, type NatsServer } from '../nats/server.ts';
import { ensureBusPki } from '../pki/bus.ts';
import { ensureEtcdPki } from '../pki/etcd.ts';
import { ensureAccountTokens } from '../pki/account-tokens.ts';
import { ensureFrontProxy } from '../pki/front-proxy.ts';
import { ensurePki } from '../pki/pki.ts';
import { LISTENING, writeCredentials } from './credentials.ts';
import { serveControl } from './control.ts';
import { ended, GOODBYE_MS } from './ending.ts';
import { openFront, type Front } from './front.ts';
import { createLocalReplicas, isFar } from './local-replicas.ts';
import { isScalable, Replicas, SCALABLE } from './replicas.ts';
import { createScaling } from './scaling.ts';
import { nodeNames, rolesOf, type ComponentName, type ProcessSpec } from './spec.ts';
import { startProcess, type RunningProcess } from './start.ts';
import { RESTART_MS, superviseThread, type Supervised } from './supervised.ts';

/** More than a component and its connection may take, and than what is supervised has until it is cut off. */
const REPLICAS_MS = 20_000;

export interface SupervisorOptions {
  readonly name: string;
  readonly paths: ClusterPaths;
  /** What the cluster is to be; asked when nobody else can start it any more. */
  readonly settle: () => Promise<ClusterConfig>;
  /** Nothing of this cluster was ever started: its nodes need not be asked for their ranges of addresses. */
  readonly isNew: boolean;
  readonly host: string;
  /** Told what is being done and when it is done; progress for people. */
  readonly step: <T>(label: string, work: () => Promise<T>) => Promise<T>;
  readonly warn: (text: string) => void;
}
export interface RunningCluster {
  readonly server: string;
  readonly config: ClusterConfig;
  /** Resolves when the cluster cannot go on by itself, with the reason. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
}
/**
 * One local cluster: nats-server, and this process with the store and the API server in its main thread and all that is
 * not on the request path in another. What ends is started again; nothing acknowledged depends on any of it living.
 */
export async function startCluster(options: SupervisorOptions): Promise<RunningCluster> {
  const { name, paths, host, step, warn } = options;
  const holder = takeLock(paths.lock);
  if (holder !== undefined) throw alreadyUp(name, holder);
  let ephemeral = false;
  let nats: NatsServer | undefined;
  let local: RunningProcess | undefined;
  let helper: Supervised | undefined;
  let machine: Machine | undefined;
  let front: Front | undefined;
  let claim: { close(): void } | undefined;
  let control: Bus | undefined;
  const absent = new Set<ComponentName>();
  const common = { dir: paths.dir, host };
  const all = createLocalReplicas({ common, near: () => local!, far: () => helper!, front: () => front, absent, warn });
  const replicas = new Replicas((component, slot) => all.start(component, slot));
  let disk: DiskWatch | undefined;
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    disk?.stop();
    await ended('the connection of the supervisor', GOODBYE_MS, () => control?.drain(), warn);
    // What others depend on goes last: controllers and nodes before the API servers, those before the stores.
    await ended('nodes of this machine', REPLICAS_MS, () => machine?.stop(), warn);
    await Promise.all([
      ...SCALABLE.filter(isFar).map((component) => ended(component, REPLICAS_MS, () => replicas.stop(component), warn)),
      ended('controllers', REPLICAS_MS, () => helper?.stop(), warn),
    ]);
    await ended('apiserver', REPLICAS_MS, () => replicas.stop('apiserver'), warn);
    await ended('etcd', REPLICAS_MS, () => replicas.stop('etcd'), warn);
    await ended('store and API server', REPLICAS_MS, () => local?.stop(), warn);
    front?.close();
    claim?.close();
    await ended('nats-server', REPLICAS_MS, () => nats?.stop(), warn);
    if (ephemeral) {
      await unmergeKubeconfig(userKubeconfig(), name).catch((error: unknown) => warn((error as Error).message));
      removeCluster(name, paths);
    } else releaseLock(paths.lock);
  };
  try {
    const config = await options.settle();
    claim = await claimPort(config.port, host);
    const why = await obstacle(config.port, host);
    if (why !== undefined || claim === undefined) throw new UserError(why ?? inUse(config.port, host));
    // Where it listens already, or everywhere, it does there.
    const elsewhere =
      config.listen === undefined || [config.listen, '0.0.0.0', '::'].includes(host) ? [] : [config.listen];
    const elsewhereWhy = elsewhere[0] === undefined ? undefined : await obstacle(config.port, elsewhere[0]);
    if (elsewhereWhy !== undefined) throw new UserError(elsewhereWhy);
    const etcdWhy = config.etcdPort === undefined ? undefined : await obstacle(config.etcdPort, host, '--etcd-port');
    if (etcdWhy !== undefined) throw new UserError(etcdWhy);
    const dnsWhy = config.dns === undefined ? undefined : await dnsObstacle(config.dns.port, config.dns.host);
    if (dnsWhy !== undefined) throw new UserError(dnsWhy);
    const ingressWhy = config.ingressPorts === undefined ? undefined : await ingressObstacle(config.ingressPorts);
    if (ingressWhy !== undefined) throw new UserError(ingressWhy);
    ephemeral = config.ephemeral;
    writeConfig(paths, config);
    for (const dir of [paths.dir, paths.logs, paths.nats, paths.credentials])
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    const roles = rolesOf(config);
    let natsConfig = '';
    const pki = await step('keys and credentials', async () => {
      if (config.listen !== undefined) await ensureBusPki(paths.pki, { [LISTENING]: [config.listen] }, Date.now());
      ({ natsConfig } = writeCredentials(paths, config, roles));
      if (config.etcdPort !== undefined) await ensureEtcdPki(paths.pki, [host], Date.now());
      const inside = config.machine === undefined ? [] : [addressAt(config.machine.range, HOST_PLACE)];
      const made = ensurePki(
        paths.pki,
        [host, ...inside, ...(config.listen === undefined ? [] : [config.listen]), ...serviceHosts(config)],
        Date.now(),
      );
      return made
        .then(async (pki) => {
          ensureAccountTokens(paths.pki);
          await ensureFrontProxy(paths.pki, Date.now());
          return pki;
        })
        .catch(unusableKeys(paths.pki));
    });
    const binary = await findNatsServer((text) => warn(text));
    const startNats = (): Promise<NatsServer> =>
      startNatsServer({
        binary,
        config: natsConfig,
        dir: paths.nats,
        logs: paths.logs,
        host: busHost(config),
        port: config.natsPort,
      });
    nats = await step('bus (nats-server)', startNats);
    const watchNats = (server: NatsServer): void =>
      void server.ended.then(async (why) => {
        for (let i = 0; !stopping; i++) {
          warn(`nats-server ended (${why}): starting it again`);
          await new Promise((r) => setTimeout(r, RESTART_MS[Math.min(i, RESTART_MS.length - 1)]));
          if (stopping) return;
          try {
            watchNats((nats = await startNats()));
            return;
          } catch (error) {
            why = (error as Error).message;
          }
        }
      });
    watchNats(nats);
    const runsNodes = config.only === undefined || config.only.includes('nodes');
    if (config.machine !== undefined && runsNodes)
      machine = await step('network of the nodes', async () =>
        (await import('./machine-of.ts')).machineOf({ config, paths, host, warn }),
      );
    disk = watchDisk({
      logFile: join(paths.logs, 'nats-server.log'),
      dir: paths.nats,
      onFull: () => warn(`the disk is full: writes fail until there is room below ${paths.dir}`),
      // It would not end by itself any more; every write that it acknowledged is on the disk.
      onRoom: () => nats?.kill(),
    });

    const server = `https://${host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host}:${config.port}`;
    const near: ProcessSpec = {
      name: 'apiserver',
      components: roles.filter((r) => r === 'etcd' || r === 'apiserver'),
      ...(config.etcdPort !== undefined && { etcdDoor: { host, port: config.etcdPort } }),
      ...common,
    };
    let wanted = config;
    let starts = 0;
    const far = (): ProcessSpec => ({
      name: 'controllers',
      components: rolesOf(wanted).filter((r) => isFar(r) && !absent.has(r)),
      nodes: nodeNames(wanted),
      podCIDRs: options.isNew && starts++ === 0 ? 'byPlace' : 'byCluster',
      joint: true,
      ...common,
    });
    for (const role of roles) if (isFar(role) && config.replicas?.[role] === 0) absent.add(role);
    const hasFar = roles.some(isFar);
    if (hasFar) helper = superviseThread('controllers', far, warn);
    await step('store and API server', async () => {
      if (roles.includes('apiserver')) front = await openFront(host, config.port);
      for (const address of elsewhere) await front?.listen(address);
      if (machine !== undefined && !['0.0.0.0', '::'].includes(host)) await front?.listen(machine.address);
      local = await startProcess(near, front?.own);
      await Promise.race([
        local.ready,
        nats!.ended.then((why) => Promise.reject(new Error(`nats-server ended (${why})`))),
      ]);
    });
    const kubeconfig = kubeconfigFor(config.name, server, pki);
    writePrivate(paths.kubeconfig, kubeconfig);
    await mergeKubeconfig(userKubeconfig(), name, kubeconfig).catch((error: unknown) => warn((error as Error).message));
    if (hasFar)
      await step(`controllers, scheduler${config.nodes === 0 && realNodes(config).length > 0 ? '' : `, ${counted(config.nodes, 'node')}`}`, () => helper!.ready); // prettier-ignore
    const real = runsNodes ? realNodes(config) : [];
    if (machine !== undefined && real.length > 0)
      await step(counted(real.length, 'real node'), async () => {
        for (const node of real) machine!.begin(node);
        await Promise.all(machine!.list().map((node) => node.ready));
      });
    for (const role of roles)
      if (isScalable(role) && !absent.has(role)) replicas.adopt(role, all.base(role, Promise.resolve()));
    const setNodes = async (next: ClusterConfig): Promise<void> => {
      wanted = next;
      ({ natsConfig } = writeCredentials(paths, next, rolesOf(next)));
      await nats!.reload(natsConfig);
      await helper!.order({ do: 'setNodes', names: nodeNames(next) });
    };
    const setRealNodes = async (next: ClusterConfig): Promise<void> => {
      wanted = next;
      const names = realNodes(next).map((node) => node.name);
      const leaving = machine!.list().filter((node) => !names.includes(node.name));
      await Promise.all(leaving.map((node) => machine!.remove(node.name)));
      ({ natsConfig } = writeCredentials(paths, next, rolesOf(next)));
      await nats!.reload(natsConfig);
      const present = machine!.list().map((node) => node.name);
      const begun = realNodes(next).filter((node) => !present.includes(node.name)).map((node) => machine!.begin(node)); // prettier-ignore
      try {
        await Promise.all(begun.map((node) => node.ready));
      } catch (error) {
        await Promise.all(begun.map((node) => machine!.remove(node.name)));
        throw error;
      }
    };
    const scaling = createScaling({ paths, config, replicas, setNodes, setRealNodes, warn });
    const more = Object.entries(config.replicas ?? {}).filter(([name, n]) => n > 1 && roles.some((r) => r === name));
    if (more.length > 0)
      await step(more.map(([name, n]) => `${n} ${name}`).join(', '), () => scaling.resume()).catch((error: unknown) =>
        warn(`not all replicas are up: ${(error as Error).message}`),
      );
    ({ bus: control } = await connectTool(paths, 'supervisor'));
    serveControl(control, name, (request) => scaling.answer(request));
    return { server, config, stop, failed: local!.failed };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
const inUse = (port: number, host: string): string =>
  `port ${port} of ${host} is in use by another cluster that is starting: choose another port with --port N`;
const unusableKeys =
  (dir: string) =>
  (error: unknown): never => {
    throw new UserError(
      `the keys in ${dir} cannot be used (${(error as Error).message}): restore them, or remove that folder and the next kubus up makes others (kubeconfigs and tokens of before are void then)`,
    );
  };

export const isUp = (paths: ClusterPaths): number | undefined => lockHolder(paths.lock);
