import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import { UserError } from '../cli/output.ts';
import { ensureBusPki } from '../pki/bus.ts';
import { ensureAccountTokens } from '../pki/account-tokens.ts';
import { ensureFrontProxy } from '../pki/front-proxy.ts';
import { ensurePki } from '../pki/pki.ts';
import { ensureServing } from '../pki/serving.ts';
import { addonOf, readAddons } from '../process/addons.ts';
import { writeCredentials } from '../process/credentials.ts';
import { COMPONENTS } from '../process/spec.ts';
import { adoptAudit, type AuditFlags } from './audit.ts';
import { adoptAuthentication, type AuthenticationFlags } from './authentication.ts';
import { adoptAuthorization, type AuthorizationFlags } from './authorization.ts';
import { checkName, readConfig, serviceHosts, writeConfig, type ClusterConfig } from './config.ts';
import { adoptEncryption } from './encryption.ts';
import { kubeconfigFor, writePrivate } from './kubeconfig.ts';
import { clusterPaths, type ClusterPaths } from './paths.ts';
import { podRanges } from './pod-ranges.ts';
import { checkServiceCidrs } from './service-ranges.ts';

export interface InitOptions {
  readonly name: string;
  /** Folder for all the others. */
  readonly data: string;
  /** Names and addresses under which clients reach the API servers; the first is the one in the kubeconfig. */
  readonly hosts: readonly string[];
  /** Port of the first of `hosts`. */
  readonly port: number;
  /** `host` or `host:port` of each nats-server, 1, 3 or 5. */
  readonly nats: readonly string[];
  readonly now: number;
  /** Where addresses of services and of pods come from; default likewise, and else the usual ones. */
  readonly serviceClusterIpRange?: readonly string[] | undefined;
  readonly clusterCidr?: string[];
  /** What runs besides, see ops/process/addons.ts; default likewise, and else metrics. With `cloud` nodes wait for it. */
  readonly addons?: readonly string[];
  /** An EncryptionConfiguration for the API servers; default: the one given before, if any. */
  readonly encryptionConfig?: string | undefined;
  /** What they note of requests; default likewise. */
  readonly audit?: AuditFlags | undefined;
  /** How they know people; default likewise. */
  readonly authentication?: AuthenticationFlags | undefined;
  /** Who decides what users may; default likewise. */
  readonly authorization?: AuthorizationFlags | undefined;
}
export interface InitResult {
  /** By role, `nats-<host>` for each nats-server, and `authority`: the one that only init reads. */
  readonly folders: Readonly<Record<string, string>>;
  readonly kubeconfig: string;
  /** False: everything was there, and good. */
  readonly changed: boolean;
}
const NATS_PORT = 4222;
const ROUTE_PORT = 6222;
/** Of each nats-server, on its own loopback: `GET /healthz`. */
export const NATS_MONITOR_PORT = 8222;

/** What each role's processes read, out of the folder of the authority; nothing else is theirs to know. */
const FILES = {
  etcd: ['cluster.json', 'credentials/etcd.json'],
  apiserver: [
    'cluster.json',
    'credentials/apiserver.json',
    'pki/apiserver.key',
    'pki/apiserver.crt',
    'pki/ca.crt',
    'pki/sa.key',
    'pki/secret-tokens.pub',
    'pki/front-proxy-ca.crt',
    'pki/front-proxy-client.crt',
    'pki/front-proxy-client.key',
  ],
  'controller-manager': ['cluster.json', 'credentials/controller-manager.json', 'pki/ca.crt', 'pki/secret-tokens.key'],
  scheduler: ['cluster.json', 'credentials/scheduler.json'],
  'cloud-controller-manager': ['cluster.json', 'credentials/cloud-controller-manager.json'],
  dns: ['cluster.json', 'credentials/dns.json'],
  ingress: ['cluster.json', 'credentials/ingress.json'],
  metrics: ['cluster.json', 'credentials/metrics.json'],
  // It lets nodes in, and so could make itself anyone: nobody else has these keys.
  'node-authenticator': [
    'cluster.json',
    'credentials/node-authenticator.json',
    'credentials/node-authority.json',
    'pki/ca.crt',
  ],
  // Whom it signs is whoever it says at the HTTPS door: nothing else runs beside that key.
  'certificate-signer': ['cluster.json', 'credentials/certificate-signer.json', 'pki/ca.crt', 'pki/ca.key'],
  // A machine that joins by a token needs to know the bus when it sees it; its key it makes itself.
  nodes: ['pki/bus-ca.crt'],
  console: ['cluster.json', 'credentials/console.json', 'pki/console.key', 'pki/console.crt', 'pki/ca.crt'],
  balancer: ['pki/ca.crt'],
  admin: ['cluster.json', 'credentials/admin.json'],
  'store-reader': ['cluster.json', 'credentials/store-reader.json'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What they read too, where the cluster was told of it. */
const OPTIONAL: Partial<Record<keyof typeof FILES, readonly string[]>> = {
  apiserver: ['pki/encryption-config.yaml', 'pki/authentication.json', 'pki/authorization.json', 'audit.json'],
  scheduler: ['pki/scheduler.json'],
};

interface NatsHost {
  readonly host: string;
  readonly port: number;
  readonly folder: string;
}
/**
 * Keys, credentials and configurations of a cluster whose processes run apart: a folder for each role with what that role
 * needs and nothing else, to be copied to (or mounted by) its processes, and `authority` with all of it. What is there
 * and good stays as it is: it can be run again at any time, also with other hosts. Thrown: UserError.
 */
export async function initCluster(options: InitOptions): Promise<InitResult> {
  const { name, now } = options;
  checkName(name);
  checkServiceCidrs(options.serviceClusterIpRange ?? []);
  if (options.hosts.length === 0) throw new UserError('--hosts needs at least one name', 2);
  const servers = options.nats.map(parseNatsHost);
  if (servers.length % 2 === 0 || new Set(servers.map((s) => s.folder)).size !== servers.length)
    throw new UserError('--nats needs 1, 3 or 5 different hosts: a majority of them keeps the store writable', 2);
  const data = resolve(options.data);
  const writer = createWriter();
  const paths = clusterPaths(join(data, 'authority'));
  const config = await configOf(options, paths);
  writeConfig(paths, config);
  if (options.encryptionConfig !== undefined) await adoptEncryption(paths, options.encryptionConfig);
  await adoptAudit(paths.dir, options.audit ?? {});
  await adoptAuthentication(paths.dir, options.authentication ?? {});
  await adoptAuthorization(paths.dir, options.authorization ?? {});

  const pki = await ensurePki(paths.pki, [...options.hosts, 'apiserver', ...serviceHosts(config)], now);
  await ensureFrontProxy(paths.pki, now);
  ensureAccountTokens(paths.pki);
  await ensureServing(paths.pki, 'console', [...new Set([...options.hosts, 'localhost', '127.0.0.1'])], now);
  const certificates = Object.fromEntries(servers.map((s) => [s.host, [s.host, 'localhost', '127.0.0.1']]));
  const bus = await ensureBusPki(paths.pki, certificates, now);
  const urls = servers.map((s) => `nats://${s.host}:${s.port}`);
  const { access } = writeCredentials(paths, config, [], { urls, ca: bus.ca });

  const folders: Record<string, string> = { authority: paths.dir };
  for (const [role, files] of Object.entries(FILES)) {
    const folder = (folders[role] = join(data, role));
    for (const file of files) writer.write(join(folder, file), read(join(paths.dir, file)));
    for (const file of OPTIONAL[role as keyof typeof FILES] ?? [])
      if (existsSync(join(paths.dir, file))) writer.write(join(folder, file), read(join(paths.dir, file)));
  }
  for (const server of servers) {
    const folder = (folders[server.folder] = join(data, server.folder));
    const file = (n: string): string => join(folder, n);
    const pair = bus.servers[server.host]!;
    writer.write(file('server.crt'), read(pair.certFile));
    writer.write(file('server.key'), read(pair.keyFile));
    writer.write(file('ca.crt'), bus.ca);
    // Made here, so that it is there (and its owner's) before a disk is mounted on it.
    mkdirSync(file('jetstream'), { recursive: true, mode: 0o700 });
    const tls = { certFile: file('server.crt'), keyFile: file('server.key'), caFile: file('ca.crt') };
    const text = natsServerConfig({
      ...access,
      tls: { certFile: tls.certFile, keyFile: tls.keyFile },
      host: '0.0.0.0',
      port: server.port,
      storeDir: file('jetstream'),
      monitorPort: NATS_MONITOR_PORT,
      serverName: server.host,
      ...(servers.length > 1 && {
        cluster: {
          name,
          listen: `0.0.0.0:${ROUTE_PORT}`,
          routes: servers.map((s) => `nats://${s.host}:${ROUTE_PORT}`),
          tls,
        },
      }),
    });
    writer.write(file('nats-server.conf'), text);
  }
  const kubeconfig = kubeconfigFor(name, `https://${urlHost(options.hosts[0]!)}:${options.port}`, pki);
  const kubeconfigFile = join(data, 'admin', 'kubeconfig');
  writer.write(kubeconfigFile, kubeconfig);
  return { folders, kubeconfig: kubeconfigFile, changed: writer.changed() };
}

/** The HTTPS door listens on one port in all API servers; the published one is the kubeconfig's. */
const API_PORT = 6443;
async function configOf(options: InitOptions, paths: ClusterPaths): Promise<ClusterConfig> {
  const { name } = options;
  const before = readConfig(paths);
  if (before !== undefined && before.name !== name)
    throw new UserError(
      `${paths.dir} holds the keys of cluster "${before.name}": give that --name, or another --data for "${name}"`,
    );
  const serviceCidrs = options.serviceClusterIpRange ?? before?.serviceCidrs;
  return {
    format: 1, name, nodes: 0, runtime: 'simulated', port: API_PORT, natsPort: NATS_PORT, only: COMPONENTS.filter((name) => addonOf(name) === undefined),
    disableAdmission: before?.disableAdmission ?? [], ephemeral: false,
    addons: options.addons === undefined ? (before?.addons ?? ['metrics']) : readAddons(options.addons),
    ...(serviceCidrs && { serviceCidrs }), ...(await podRanges(options, before)),
  }; // prettier-ignore
}
const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host);

function parseNatsHost(text: string): NatsHost {
  const m = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?$/i.exec(text);
  const port = Number(m?.[3] ?? NATS_PORT);
  if (m?.[1] === undefined || port < 1 || port > 65_535)
    throw new UserError(`--nats does not understand "${text}": write host or host:port, several with commas`, 2);
  const host = m[1];
  return { host, port, folder: host.startsWith('nats') ? host : `nats-${host}` };
}
const read = (file: string): string => readFileSync(file, 'utf8');

/** Writes only what differs: a process that is told of changed files must not be told of none. */
function createWriter(): { write(file: string, text: string): void; changed(): boolean } {
  let changed = false;
  return {
    write(file, text) {
      if (existsSync(file) && read(file) === text) return;
      changed = true;
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writePrivate(file, text);
    },
    changed: () => changed,
  };
}
