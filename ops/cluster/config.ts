import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { PROXY_MODES, type ProxyMode } from '../../node-agent/kube-proxy/backend.ts';
import type { CredentialProviderFlags } from '../../node-agent/kubelet/credential-providers/providers.ts';
import { parseCidr } from '../../schemas/meta/ip.ts';
import { formatIp } from '../../schemas/networking/strict-ip.ts';
import { UserError } from '../cli/output.ts';
import type { DnsConfig } from './dns.ts';
import { writePrivate } from './kubeconfig.ts';
import { lockHolder } from './lock.ts';
import { clusterPaths, clustersDir, type ClusterPaths } from './paths.ts';

/** Of cluster.json and of what lies beside it. Raised when an older kubus could misread the data. */
const FORMAT = 1;

/** What a cluster is, kept in its folder; `up` without options resumes it as it was. */
export interface ClusterConfig {
  readonly format: number;
  readonly name: string;
  readonly nodes: number;
  readonly runtime: 'simulated' | 'cri';
  readonly port: number;
  readonly natsPort: number;
  /** undefined: all. */
  readonly only?: readonly string[];
  readonly disableAdmission: readonly string[];
  /** Admission plugins that are off by default. */
  readonly enableAdmission?: readonly string[];
  /** Names of add-ons, see ops/process/addons.ts; undefined: those that are usual. */
  readonly addons?: readonly string[];
  readonly ephemeral: boolean;
  /** How its names are answered, where they are. */
  readonly dns?: DnsConfig;
  /** Where load balancers of the add-on cloud get addresses, if not of a range by the port; one of a family. */
  readonly loadBalancerRanges?: readonly string[];
  /** Where addresses of services come from, if not 10.96.0.0/16: one range, or one of each family. */
  readonly serviceCidrs?: readonly string[];
  /** Where addresses of pods come from, if not 10.244.0.0/16: one range, or one of each family. */
  readonly clusterCidrs?: readonly string[];
  /** Bits of a node's part of these, if not 24 and 64. */
  readonly nodeMasks?: { readonly ipv4?: number; readonly ipv6?: number };
  /** Address of this machine at which others join: the bus, with TLS, and the API server are there too; undefined: nowhere. */
  readonly listen?: string;
  /** Where the store speaks etcd's own protocol too; undefined: nowhere. */
  readonly etcdPort?: number;
  /** Where the add-on ingress listens, if not at 8080 and 8443. */
  readonly ingressPorts?: { readonly host?: string | undefined; readonly http: number; readonly https: number };
  /** What brings Services to them; undefined: the best that the machine can do. */
  readonly proxyMode?: ProxyMode;
  /** Programs that know credentials for their images; undefined: none. */
  readonly credentialProviders?: CredentialProviderFlags;
  /** Nodes of this machine that run containers. */
  readonly machine?: MachineConfig;
  /** Seats that priority levels share are the sum of both, 400 and 200 where nothing is said. */
  readonly maxRequestsInflight?: number;
  readonly maxMutatingRequestsInflight?: number;
  /** How many of a component run, where it is not one: etcd, apiserver, controller-manager, scheduler. */
  readonly replicas?: Readonly<Record<string, number>>;
}
export interface MachineConfig {
  /** Of the addresses of nodes, and of this machine among them. */
  readonly range: string;
  /** Of load balancers, which this machine has for its nodes and pods too; undefined: an older kubus chose none. */
  readonly balancers?: string;
  /** `place`: in that range, kept as long as the node is. */
  readonly nodes: readonly { readonly name: string; readonly place: number }[];
}
export const realNodes = ({ machine }: Pick<ClusterConfig, 'machine'>): MachineConfig['nodes'] => machine?.nodes ?? [];
/** How many nodes it has, simulated or not. */
export const nodeCount = (config: Pick<ClusterConfig, 'machine' | 'nodes'>): number =>
  config.nodes + realNodes(config).length;
/** The addresses of the service `kubernetes`, by which API servers are reached from within. */
export const serviceHosts = ({ serviceCidrs = [] }: Pick<ClusterConfig, 'serviceCidrs'>): string[] =>
  serviceCidrs.flatMap((cidr) => {
    const range = parseCidr(cidr);
    return range === undefined ? [] : [formatIp(range.family, range.base + 1n)];
  });
/** Thrown: UserError where nobody could ask anything. */
export function checkInFlight({
  maxRequestsInflight = 400,
  maxMutatingRequestsInflight = 200,
}: {
  readonly maxRequestsInflight?: number | undefined;
  readonly maxMutatingRequestsInflight?: number | undefined;
}): void {
  if (maxRequestsInflight + maxMutatingRequestsInflight > 0) return;
  throw new UserError('--max-requests-inflight and --max-mutating-requests-inflight cannot both be 0', 2);
}
export const alreadyUp = (name: string, pid: number): UserError =>
  new UserError(`cluster "${name}" is already up (process ${pid}): see it with: kubus status --name ${name}`);
const isName = (name: string): boolean => /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name);
export function checkName(name: string): void {
  if (!isName(name)) {
    throw new UserError(
      `"${name}" cannot name a cluster: use up to 40 lower-case letters, digits and '-', beginning and ending with a letter or digit`,
    );
  }
}
/** Thrown: UserError where it cannot be made; `option` chose it. */
export function makeFolder(folder: string, option: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`${folder} cannot be written (${code}): choose another ${option}`);
  }
}
/** The folder of a cluster: below the user's data folder, or where `--data` pointed (remembered as a link). */
export function locate(name: string, data?: string): ClusterPaths {
  checkName(name);
  const place = join(clustersDir(), name);
  if (data === undefined) return clusterPaths(resolveLink(place));
  const target = resolve(data);
  makeFolder(target, '--data');
  mkdirSync(clustersDir(), { recursive: true, mode: 0o700 });
  if (existsSync(place) && resolveLink(place) !== target) {
    const holder = lockHolder(clusterPaths(resolveLink(place)).lock);
    if (holder !== undefined) throw alreadyUp(name, holder);
    if (resolveLink(place) === place)
      throw new UserError(
        `cluster "${name}" already keeps its data in ${place}: use another --name, or remove it with: kubus down --name ${name} --delete-data`,
      );
    rmSync(place);
  }
  if (resolveLink(place) !== target) {
    rmSync(place, { force: true });
    symlinkSync(target, place);
  }
  return clusterPaths(target);
}
const resolveLink = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return path;
  }
};
/** undefined where no cluster is. Thrown: UserError for what cannot be read, or was written by a newer kubus. */
export function readConfig(paths: ClusterPaths): ClusterConfig | undefined {
  if (!existsSync(paths.config)) return undefined;
  let config: Partial<ClusterConfig> | null;
  try {
    config = JSON.parse(readFileSync(paths.config, 'utf8')) as Partial<ClusterConfig> | null;
  } catch {
    throw unreadable(paths.config, 'as JSON');
  }
  if (typeof config?.format === 'number' && config.format > FORMAT) {
    throw new UserError(
      `the data in ${paths.dir} was written by a newer kubus (format ${config.format}, this one knows ${FORMAT}): update kubus, or use another --name or --data`,
    );
  }
  if (!isConfig(config)) throw unreadable(paths.config, "as a cluster's configuration");
  return config;
}
const unreadable = (file: string, how: string): UserError =>
  new UserError(`${file} is not readable ${how}: restore it, or start afresh with another --name or --data`);
const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
const isCount = (value: unknown): boolean => value === undefined || (Number.isInteger(value) && Number(value) >= 0);
const isConfig = (c: Partial<ClusterConfig> | null): c is ClusterConfig =>
  typeof c === 'object' &&
  c !== null &&
  typeof c.format === 'number' &&
  typeof c.name === 'string' &&
  Number.isInteger(c.nodes) &&
  isPort(c.port) &&
  isPort(c.natsPort) &&
  (c.ingressPorts === undefined || (isPort(c.ingressPorts?.http) && isPort(c.ingressPorts?.https))) &&
  (c.listen === undefined || isIP(c.listen) !== 0) &&
  (c.etcdPort === undefined || isPort(c.etcdPort)) &&
  (c.only === undefined || Array.isArray(c.only)) &&
  (c.replicas === undefined || (typeof c.replicas === 'object' && c.replicas !== null)) &&
  Array.isArray(c.disableAdmission) &&
  (c.enableAdmission === undefined || Array.isArray(c.enableAdmission)) &&
  (c.addons === undefined || Array.isArray(c.addons)) &&
  (c.dns === undefined || isPort((c.dns as Partial<DnsConfig> | null)?.port)) &&
  (c.loadBalancerRanges === undefined || Array.isArray(c.loadBalancerRanges)) &&
  isCount(c.maxRequestsInflight) &&
  isCount(c.maxMutatingRequestsInflight) &&
  (c.clusterCidrs === undefined || Array.isArray(c.clusterCidrs)) &&
  (c.nodeMasks === undefined || (typeof c.nodeMasks === 'object' && c.nodeMasks !== null)) &&
  (c.serviceCidrs === undefined || Array.isArray(c.serviceCidrs)) &&
  (c.proxyMode === undefined || (PROXY_MODES as readonly unknown[]).includes(c.proxyMode)) &&
  (c.machine === undefined || isMachine(c.machine)) &&
  typeof c.ephemeral === 'boolean';
const isMachine = (machine: Partial<MachineConfig> | null): boolean =>
  parseCidr(String(machine?.range)) !== undefined &&
  (machine?.balancers === undefined || parseCidr(machine.balancers) !== undefined) &&
  Array.isArray(machine?.nodes) &&
  machine.nodes.every((n) => typeof n?.name === 'string' && Number.isInteger(n.place));
export const writeConfig = (paths: ClusterPaths, config: Omit<ClusterConfig, 'format'>): void =>
  writePrivate(paths.config, `${JSON.stringify({ format: FORMAT, ...config }, null, 2)}\n`);

/**
 * What kubus writes for a cluster, in the order in which it goes. The lock is the last: who sees it gone may begin anew in
 * the same folder, and images of nodes take their time.
 */
export const partsOf = (p: ClusterPaths): string[] =>
  [p.config, p.pki, p.credentials, p.nats, p.logs, p.kubeconfig, p.snapshots, join(p.dir, 'machines'), p.lock]; // prettier-ignore
/**
 * Removes what kubus wrote for a cluster, and its folder if nothing else is in it: `--data` may have pointed to a folder
 * that holds other things too.
 */
export function removeCluster(name: string, paths: ClusterPaths): void {
  for (const part of partsOf(paths)) rmSync(part, { recursive: true, force: true });
  try {
    rmdirSync(paths.dir);
  } catch {
    // Not empty, a mount point, or not ours to remove.
  }
  const place = join(clustersDir(), name);
  if (resolveLink(place) !== place) rmSync(place, { force: true });
}
/** The HTTPS ports that the clusters of this machine will ask for again. */
export const reservedPorts = (): Set<number> => {
  const ports = clusterNames().map((name) => {
    try {
      return readConfig(locate(name))?.port;
    } catch {
      return undefined;
    }
  });
  return new Set(ports.filter((port) => port !== undefined));
};
/** Names of all clusters on this machine. */
export function clusterNames(): string[] {
  const dir = clustersDir();
  return existsSync(dir)
    ? readdirSync(dir)
        .filter((n) => isName(n) && existsSync(join(dir, n, 'cluster.json')))
        .sort()
    : [];
}
/** Where the store speaks etcd's own protocol, from this machine. */
export const etcdAddress = (port: number): string => `https://127.0.0.1:${port}`;

/** The cluster of that name, or a message that says which there are. */
export function requireCluster(name: string): { paths: ClusterPaths; config: ClusterConfig } {
  const paths = locate(name);
  const config = readConfig(paths);
  if (config === undefined) throw noCluster(name);
  return { paths, config };
}
/** The same, or the cluster whose folder `data` is. */
export function folderOfCluster(options: { readonly name: string; readonly data?: string }): {
  paths: ClusterPaths;
  config: ClusterConfig;
} {
  if (options.data === undefined) return requireCluster(options.name);
  const paths = clusterPaths(resolve(options.data));
  const config = readConfig(paths);
  if (config === undefined)
    throw new UserError(`there is no cluster in ${paths.dir}: point --data to the folder of one`);
  return { paths, config };
}
/** That of the name, which a process runs. */
export function requireUp(name: string): { paths: ClusterPaths; config: ClusterConfig } {
  const cluster = requireCluster(name);
  if (lockHolder(cluster.paths.lock) === undefined) throw isDown(name);
  return cluster;
}
/** That a cluster that `kubus up` runs on this machine is down; undefined of one that is up, or whose processes run apart. */
export function downHere(paths: ClusterPaths): UserError | undefined {
  const name = readConfig(paths)?.name;
  const isLocal = name !== undefined && isName(name) && locate(name).dir === paths.dir;
  return isLocal && lockHolder(paths.lock) === undefined ? isDown(name) : undefined;
}
const isDown = (name: string): UserError =>
  new UserError(`cluster "${name}" is down: start it with: kubus up --name ${name}`);
export function noCluster(name: string): UserError {
  const names = clusterNames();
  return new UserError(
    `there is no cluster "${name}"${names.length > 0 ? ` (there is: ${names.join(', ')})` : ''}: start it with: kubus up --name ${name}`,
  );
}
