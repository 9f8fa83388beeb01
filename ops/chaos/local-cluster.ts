import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '../../bus/credentials.ts';
import { writeConfig, type ClusterConfig } from '../cluster/config.ts';
import { kubeconfigFor, writePrivate } from '../cluster/kubeconfig.ts';
import { clusterPaths } from '../cluster/paths.ts';
import { lastingPort } from './ports.ts';
import { findNatsServer } from '../fetch/nats-server.ts';
import { ensurePki } from '../pki/pki.ts';
import { startBalancer, type Balancer } from '../process/balancer.ts';
import { writeCredentials } from '../process/credentials.ts';
import { COMPONENTS, type ComponentName } from '../process/spec.ts';
import { createMember, type Member, type MemberKind } from './member.ts';
import { fetchJson, leaderOf } from './monitor.ts';
import { startProxy, type Proxy, type ProxyMode } from './proxy.ts';

export interface LocalClusterOptions {
  /** nats-servers, each with a copy of the store: 1 or 3. */
  readonly nats?: 1 | 3 | undefined;
  /** How many processes of each component; default two of each, one that runs `nodes`. */
  readonly processes?: Partial<Readonly<Record<ComponentName, number>>> | undefined;
  /** Simulated nodes, all in one process; default 2. */
  readonly nodes?: number | undefined;
  /** The `kubus` program as node is to run it: a bundle, or ops/cli/main.ts. Default: this process's own. */
  readonly program?: string | undefined;
  /** Told what is being started. */
  readonly step?: ((label: string) => void) | undefined;
}
/** A member and the links it has to the bus, which can be harmed apart from the process. */
export interface Linked extends Member {
  /** Of all its links to nats-servers; of a nats-server, of its routes to the others. */
  readonly link: ProxyMode;
  setLink(mode: ProxyMode): void;
}
export interface LocalCluster {
  readonly dir: string;
  readonly members: readonly Linked[];
  of(kind: MemberKind): Linked[];
  member(name: string): Linked;
  /** `https://127.0.0.1:<port>` of each API server. */
  readonly servers: readonly string[];
  /** Files of the same administrator, one for each API server. */
  readonly kubeconfigs: readonly string[];
  /** For who knows one address: a balancer in front of all API servers. */
  readonly frontKubeconfig: string;
  /** Of the nats-servers themselves, past all proxies. */
  readonly natsUrls: readonly string[];
  /** The nats-server that leads the store's stream; undefined while none does. */
  storeLeader(): Promise<Linked | undefined>;
  /** Ends all processes and, unless told to keep it, removes the folder. */
  stop(keep?: boolean): Promise<void>;
}

const NAME = 'chaos';
const PROBE_MS = 250;
const STREAM = 'KV_kubus';

/**
 * A cluster of real processes on loopback, in a folder of its own below the system's temporary one: nothing survives
 * stop(). Each process reaches each nats-server through a proxy of its own.
 */
export async function startLocalCluster(options: LocalClusterOptions = {}): Promise<LocalCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'kubus-chaos-'));
  const cluster = new Cluster(dir, options);
  try {
    await cluster.start();
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

class Cluster implements LocalCluster {
  readonly dir: string;
  readonly members: Linked[] = [];
  readonly servers: string[] = [];
  readonly kubeconfigs: string[] = [];
  readonly natsUrls: string[] = [];
  readonly frontKubeconfig: string;
  #front: Balancer | undefined;
  readonly #options: LocalClusterOptions;
  readonly #proxies: Proxy[] = [];
  readonly #monitors = new Map<string, number>();

  constructor(dir: string, options: LocalClusterOptions) {
    this.dir = dir;
    this.frontKubeconfig = join(dir, 'kubeconfig');
    this.#options = options;
  }
  of(kind: MemberKind): Linked[] {
    return this.members.filter((member) => member.kind === kind);
  }
  member(name: string): Linked {
    const found = this.members.find((member) => member.name === name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  async start(): Promise<void> {
    const { nodes = 2, processes = {}, step = () => undefined } = this.#options;
    const natsPort = await lastingPort();
    const config: Omit<ClusterConfig, 'format'> = {
      name: NAME, nodes, runtime: 'simulated', port: await lastingPort(), natsPort, disableAdmission: [], ephemeral: false,
    }; // prettier-ignore
    const paths = clusterPaths(this.dir);
    writeConfig(paths, config);
    for (const folder of [paths.nats, paths.logs]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    step('keys and credentials');
    const { natsConfig } = writeCredentials(paths, { format: 1, ...config }, COMPONENTS);
    const pki = await ensurePki(
      paths.pki,
      ['127.0.0.1', 'localhost', '10.96.0.1', 'kubernetes.default.svc'],
      Date.now(),
    );
    step('bus (nats-server)');
    const ports = await this.#startNats(JSON.parse(natsConfig) as NatsConfig);
    const counts: Partial<Record<ComponentName, number>> = {
      etcd: 2, apiserver: 2, 'controller-manager': 2, scheduler: 2, nodes: nodes > 0 ? 1 : 0, ...processes,
    }; // prettier-ignore
    for (const component of COMPONENTS) {
      const count = counts[component] ?? 0;
      for (let i = 0; i < count; i++) {
        const port = component === 'apiserver' ? await lastingPort() : config.port;
        const name = count === 1 ? component : `${component}-${i + 1}`;
        const folder = join(this.dir, name);
        this.members.push(await this.#component(name, component, folder, { ...config, port }, ports));
        if (component !== 'apiserver') continue;
        const server = `https://127.0.0.1:${port}`;
        const kubeconfig = join(folder, 'kubeconfig');
        writePrivate(kubeconfig, kubeconfigFor(NAME, server, pki));
        this.servers.push(server);
        this.kubeconfigs.push(kubeconfig);
      }
    }
    step('components');
    await Promise.all(this.members.filter(({ kind }) => kind !== 'nats-server').map((member) => member.start()));
    const to = this.servers.map((server) => new URL(server).host);
    this.#front = await startBalancer({ host: '127.0.0.1', port: 0, to, ca: pki.ca, intervalMs: PROBE_MS });
    writePrivate(this.frontKubeconfig, kubeconfigFor(NAME, `https://127.0.0.1:${this.#front.port}`, pki));
  }

  async #startNats(template: NatsConfig): Promise<number[]> {
    const count = this.#options.nats ?? 3;
    const binary = await findNatsServer();
    const names = Array.from({ length: count }, (_, i) => (count === 1 ? 'nats-server' : `nats-server-${i + 1}`));
    const ports: number[] = [];
    const routePorts = await Promise.all(names.map(() => lastingPort()));
    // routes[from][to]: one proxy for each direction of dialling.
    const routes = await Promise.all(
      names.map((_, from) =>
        Promise.all(routePorts.map(async (port, to) => (to === from ? undefined : await this.#proxy(port)))),
      ),
    );
    for (const [i, name] of names.entries()) {
      const port = await lastingPort();
      const monitor = await lastingPort();
      ports.push(port);
      this.natsUrls.push(`nats://127.0.0.1:${port}`);
      this.#monitors.set(name, monitor);
      const folder = join(this.dir, 'nats', name);
      const dialled = routes[i]!.filter((proxy) => proxy !== undefined);
      const links = [...dialled, ...routes.map((to) => to[i]).filter((proxy) => proxy !== undefined)];
      const config: NatsConfig = {
        ...template,
        server_name: name,
        listen: `127.0.0.1:${port}`,
        http: `127.0.0.1:${monitor}`,
        jetstream: { ...template.jetstream, store_dir: folder },
        ...(count > 1 && {
          ping_interval: '1s',
          ping_max: 2,
          cluster: {
            name: NAME,
            listen: `127.0.0.1:${routePorts[i]}`,
            routes: dialled.map((proxy) => `nats://127.0.0.1:${proxy.port}`),
            // Nobody is told of a way around the proxies.
            no_advertise: true,
          },
        }),
      };
      const file = join(this.dir, 'nats', `${name}.conf`);
      writePrivate(file, JSON.stringify(config, null, 2));
      const member = createMember({
        name,
        kind: 'nats-server',
        command: binary,
        args: ['-c', file],
        logFile: join(this.dir, 'logs', `${name}.log`),
        // Alone it is ready when JetStream is; of several it must not wait for the others.
        isReady: async () => (await fetchJson(monitor, '/varz')) !== undefined,
      });
      this.members.push(linked(member, links));
    }
    await Promise.all(this.of('nats-server').map((member) => member.start()));
    return ports;
  }

  async #component(
    name: string,
    component: ComponentName,
    folder: string,
    config: Omit<ClusterConfig, 'format'>,
    natsPorts: readonly number[],
  ): Promise<Linked> {
    const paths = clusterPaths(folder);
    mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
    writeConfig(paths, config);
    symlinkSync(join(this.dir, 'pki'), paths.pki);
    cpSync(join(this.dir, 'credentials'), paths.credentials, { recursive: true });
    const proxies = await Promise.all(natsPorts.map((port) => this.#proxy(port)));
    // Each has a server of its own that it prefers, as they would be spread over machines.
    const first = this.members.length % proxies.length;
    const urls = [...proxies.slice(first), ...proxies.slice(0, first)].map(({ port }) => `nats://127.0.0.1:${port}`);
    for (const file of readdirSync(paths.credentials)) {
      const path = join(paths.credentials, file);
      if (!file.endsWith('.json')) continue;
      const credentials = JSON.parse(readFileSync(path, 'utf8')) as Credentials;
      writePrivate(path, JSON.stringify({ ...credentials, urls }));
    }
    const member = createMember({
      name,
      kind: component,
      command: process.execPath,
      args: [this.#options.program ?? process.argv[1]!, 'run', component, '--data', folder],
      env: { ...process.env, NO_COLOR: '1' },
      logFile: join(this.dir, 'logs', `${name}.log`),
      isReady: (said) => said.includes('running:'),
    });
    return linked(member, proxies);
  }

  async #proxy(target: number): Promise<Proxy> {
    const proxy = await startProxy(target);
    this.#proxies.push(proxy);
    return proxy;
  }

  async storeLeader(): Promise<Linked | undefined> {
    const servers = this.of('nats-server');
    if (servers.length === 1) return servers[0];
    for (const server of servers) {
      if (!server.running) continue;
      const leader = await leaderOf(this.#monitors.get(server.name)!, STREAM);
      const found = servers.find(({ name }) => name === leader);
      if (found?.running) return found;
    }
    return undefined;
  }

  async stop(keep = false): Promise<void> {
    await this.#front?.close(0);
    for (const proxy of this.#proxies) proxy.mode = 'pass';
    await Promise.all(this.members.filter(({ kind }) => kind !== 'nats-server').map((member) => member.stop(3_000)));
    await Promise.all(this.of('nats-server').map((member) => member.stop(3_000)));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    if (!keep) rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface NatsConfig {
  readonly jetstream?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}
function linked(member: Member, proxies: readonly Proxy[]): Linked {
  return {
    name: member.name,
    kind: member.kind,
    get pid() {
      return member.pid;
    },
    get running() {
      return member.running;
    },
    get link() {
      return proxies[0]?.mode ?? 'pass';
    },
    start: () => member.start(),
    kill: () => member.kill(),
    stop: (graceMs) => member.stop(graceMs),
    pause: () => member.pause(),
    resume: () => member.resume(),
    setLink: (mode) => {
      for (const proxy of proxies) proxy.mode = mode;
    },
  };
}
