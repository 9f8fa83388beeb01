import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { neighbours } from '../../bus/nats/threads.ts';
import { lockHolder, releaseLock, takeLock } from '../cluster/lock.ts';
import { alreadyUp, removeCluster, writeConfig, type ClusterConfig } from '../cluster/config.ts';
import { kubeconfigFor, mergeKubeconfig, unmergeKubeconfig, writePrivate } from '../cluster/kubeconfig.ts';
import { userKubeconfig, type ClusterPaths } from '../cluster/paths.ts';
import { obstacle } from '../cluster/ports.ts';
import { UserError } from '../cli/output.ts';
import { findNatsServer } from '../fetch/nats-server.ts';
import { watchDisk, type DiskWatch } from '../nats/disk.ts';
import { startNatsServer, type NatsServer } from '../nats/server.ts';
import { ensurePki } from '../pki/pki.ts';
import { writeCredentials } from './credentials.ts';
import { rolesOf, type ProcessSpec } from './spec.ts';
import { startProcess, type RunningProcess } from './start.ts';

export interface SupervisorOptions {
  readonly name: string;
  readonly paths: ClusterPaths;
  /** What the cluster is to be; asked when nobody else can start it any more. */
  readonly settle: () => Promise<ClusterConfig>;
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
const RESTART_MS = [100, 500, 1000, 5000];
const STOP_MS = 10_000;

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
  let helper: Helper | undefined;
  let disk: DiskWatch | undefined;
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    disk?.stop();
    await helper?.stop();
    await local?.stop();
    await nats?.stop();
    if (ephemeral) {
      await unmergeKubeconfig(userKubeconfig(), name).catch((error: unknown) => warn((error as Error).message));
      removeCluster(name, paths);
    }
    releaseLock(paths.lock);
  };
  try {
    const config = await options.settle();
    const why = await obstacle(config.port, host);
    if (why !== undefined) throw new UserError(why);
    ephemeral = config.ephemeral;
    writeConfig(paths, config);
    for (const dir of [paths.dir, paths.logs, paths.nats, paths.credentials])
      mkdirSync(dir, { recursive: true, mode: 0o700 });
    const roles = rolesOf(config);
    const { pki, natsConfig } = await step('keys and credentials', async () => {
      const hosts = [
        ...new Set([
          host,
          '127.0.0.1',
          '::1',
          '10.96.0.1',
          'localhost',
          'kubernetes',
          'kubernetes.default',
          'kubernetes.default.svc',
          'kubernetes.default.svc.cluster.local',
        ]),
      ];
      const { natsConfig } = writeCredentials(paths, config, roles);
      return { pki: await ensurePki(paths.pki, hosts, Date.now()).catch(unusableKeys(paths.pki)), natsConfig };
    });
    const binary = await findNatsServer((text) => warn(text));
    const startNats = (): Promise<NatsServer> =>
      startNatsServer({ binary, config: natsConfig, dir: paths.nats, logs: paths.logs, port: config.natsPort });
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
    disk = watchDisk({
      logFile: join(paths.logs, 'nats-server.log'),
      dir: paths.nats,
      onFull: () => warn(`the disk is full: writes wait until there is room below ${paths.dir}`),
      // It would not end by itself any more; every write that it acknowledged is on the disk.
      onRoom: () => nats?.kill(),
    });

    const server = `https://${host.includes(':') ? `[${host}]` : host === '0.0.0.0' ? '127.0.0.1' : host}:${config.port}`;
    const near: ProcessSpec = {
      name: 'apiserver',
      components: roles.filter((r) => r === 'etcd' || r === 'apiserver'),
      dir: paths.dir,
      host,
    };
    const far: ProcessSpec = {
      name: 'controllers',
      components: roles.filter((r) => r !== 'etcd' && r !== 'apiserver'),
      joint: true,
      dir: paths.dir,
      host,
    };
    if (far.components.length > 0) helper = superviseThread(far, warn);
    await step('store and API server', async () => {
      local = await startProcess(near);
      await Promise.race([
        local.ready,
        nats!.ended.then((why) => Promise.reject(new Error(`nats-server ended (${why})`))),
      ]);
    });
    const kubeconfig = kubeconfigFor(config.name, server, pki);
    writePrivate(paths.kubeconfig, kubeconfig);
    await mergeKubeconfig(userKubeconfig(), name, kubeconfig).catch((error: unknown) => warn((error as Error).message));
    if (helper !== undefined)
      await step(`controllers, scheduler, ${config.nodes} node${config.nodes === 1 ? '' : 's'}`, () => helper!.ready);
    return { server, config, stop, failed: local!.failed };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}

const unusableKeys =
  (dir: string) =>
  (error: unknown): never => {
    throw new UserError(
      `the keys in ${dir} cannot be used (${(error as Error).message}): restore them, or remove that folder and the next kubus up makes others (kubeconfigs and tokens of before are void then)`,
    );
  };

interface Helper {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}
/**
 * A thread of this process with components of its own, started again with backoff when it ends. A thread and not a
 * process: each further Node process takes some 50 MB for the program itself, and nothing is shared but the bus all the same.
 */
function superviseThread(spec: ProcessSpec, warn: (text: string) => void): Helper {
  let current: Worker | undefined;
  let stopping = false;
  let failures = 0;
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  const start = (): void => {
    const thread = new Worker(process.argv[1]!, { argv: ['process', '--spec', JSON.stringify(spec)], name: spec.name });
    current = thread;
    const { threadId } = thread;
    let why = 'it ended';
    thread.on('message', (message) => {
      if (message !== 'ready') return;
      failures = 0;
      isReady();
    });
    thread.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
    thread.once('exit', () => {
      neighbours.ended(threadId);
      current = undefined;
      if (stopping) return;
      const wait = RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]!;
      warn(`${spec.name}: ${why}; starting it again, see: kubus logs ${spec.name}`);
      setTimeout(() => !stopping && start(), wait);
    });
  };
  start();
  return {
    ready,
    stop: async () => {
      stopping = true;
      const thread = current;
      if (thread === undefined) return;
      const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
      thread.postMessage('stop');
      const timer = setTimeout(() => void thread.terminate(), STOP_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}
export const isUp = (paths: ClusterPaths): number | undefined => lockHolder(paths.lock);
