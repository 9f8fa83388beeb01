import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCredentials,
  formatCredentials,
  parseCredentials,
  userOf,
  type Credentials,
  type NatsUser,
  type RoleSpec,
  type UserSpec,
} from '../../bus/credentials.ts';
import {
  createNodeAuthority,
  formatNodeAuthority,
  parseNodeAuthority,
  publicPartsOf,
  type NodeAuthority,
} from '../../bus/nats/node-authority.ts';
import { natsServerConfig, type NatsServerOptions } from '../../bus/nats/server-config.ts';
import { UserError } from '../cli/output.ts';
import { realNodes, type ClusterConfig } from '../cluster/config.ts';
import { writePrivate } from '../cluster/kubeconfig.ts';
import { busHost } from '../cluster/listen.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { CLOUD_CONTROLLERS, CONTROLLERS } from './controller-names.ts';
import { COMPONENTS, nodeNames, type ComponentName } from './spec.ts';

const credentialsFile = (dir: string, role: string): string => join(dir, 'credentials', `${role}.json`);

/** The name under which a supervised thread keeps the credential of all its components. */
const JOINT = 'workers';
/**
 * Beside the components: who starts and ends them, and people's tools: the first looks at components and steers them, the
 * second asks the API as kubernetes-admin, the third reads the store.
 */
const TOOLS = ['supervisor', 'console', 'admin', 'store-reader'] as const;
type Tool = (typeof TOOLS)[number];

/**
 * The name under which real nodes of one machine keep their credential. They have one together, for root of that machine is
 * all of them, and a running server learns new rights of its users but no new users.
 */
const REAL_NODES = 'real-nodes';
export const readRealNodesCredentials = (dir: string): Credentials => readCredentials(dir, REAL_NODES);
export function readCredentials(
  dir: string,
  role: ComponentName | Tool | typeof JOINT | typeof REAL_NODES,
): Credentials {
  return readFrom(credentialsFile(dir, role), parseCredentials);
}
export const readJointCredentials = (dir: string): Credentials => readCredentials(dir, JOINT);
/** What the node authenticator needs beside its credential. */
export const readNodeAuthority = (dir: string): NodeAuthority =>
  readFrom(credentialsFile(dir, 'node-authority'), parseNodeAuthority);

/** Thrown: UserError that names the file. */
function readFrom<T>(file: string, parse: (text: string) => T): T {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError(
        `there is no ${file}: kubus up makes it when it starts the cluster, kubus init where it runs apart`,
      );
    throw new UserError(`${file}: ${(error as Error).message}: remove it, and the next kubus up makes another`);
  }
}

/** Where clients find the bus, and the authority of its certificates where it has TLS. */
export interface BusAddress {
  readonly urls: readonly string[];
  readonly ca?: string | undefined;
}
/** What every nats-server of a cluster is told of who may do what: a part of its options. */
export type BusAccess = Required<Pick<NatsServerOptions, 'users' | 'callout' | 'systemUser'>>;

/** Where this machine finds its own bus. `ca`: there where `ensureBusPki` has been. */
function addressOf({ pki }: ClusterPaths, config: ClusterConfig): BusAddress {
  const host = busHost(config);
  const url = `nats://${host.includes(':') ? `[${host}]` : host}:${config.natsPort}`;
  return { urls: [url], ...(config.listen !== undefined && { ca: readFileSync(join(pki, 'bus-ca.crt'), 'utf8') }) };
}
/** Name of the one server of a cluster that others reach, in its certificate's file. */
export const LISTENING = 'up';
/**
 * One credential a role, kept over restarts (only the address may change), and the server's configuration that knows
 * them. The components of the supervised thread also have one together: at rest, what costs is the connections.
 * `address`: default that of a server on this machine, to which `natsConfig` belongs.
 */
export function writeCredentials(
  paths: ClusterPaths,
  config: ClusterConfig,
  roles: readonly ComponentName[],
  address: BusAddress = addressOf(paths, config),
): { readonly natsConfig: string; readonly access: BusAccess } {
  const specOf = (role: ComponentName | Tool): RoleSpec => ({
    role,
    ...(role === 'controller-manager' && { controllers: CONTROLLERS }),
    ...(role === 'cloud-controller-manager' && { controllers: CLOUD_CONTROLLERS }),
    ...(role === 'nodes' && { nodes: nodeNames(config) }),
  });
  const user = (name: string, spec: UserSpec): NatsUser => {
    const file = credentialsFile(paths.dir, name);
    if (existsSync(file)) {
      const kept = readFrom(file, parseCredentials);
      const { urls, ca } = address;
      if (kept.ca !== ca || kept.urls.join() !== urls.join())
        writePrivate(
          file,
          formatCredentials({ role: kept.role, seed: kept.seed, urls, ...(ca !== undefined && { ca }) }),
        );
      return userOf(spec, kept.seed);
    }
    const created = createCredentials(spec, address);
    writePrivate(file, formatCredentials(created.credentials));
    return created.user;
  };
  const authorityFile = credentialsFile(paths.dir, 'node-authority');
  if (!existsSync(authorityFile)) writePrivate(authorityFile, formatNodeAuthority(createNodeAuthority()));
  const workers = roles.filter((role) => role !== 'etcd' && role !== 'apiserver');
  const access: BusAccess = {
    users: [
      // Those that do not run here too: `kubus run` may start them elsewhere.
      ...[...COMPONENTS, ...TOOLS].map((role) => user(role, specOf(role))),
      ...(workers.length > 0 ? [user(JOINT, { id: JOINT, roles: workers.map(specOf) })] : []),
      ...(config.machine ? [user(REAL_NODES, { role: 'nodes', id: REAL_NODES, nodes: realNodes(config).map(({ name }) => name) })] : []), // prettier-ignore
    ],
    ...publicPartsOf(readNodeAuthority(paths.dir)),
  };
  const { natsPort: port, ephemeral: disposable, listen } = config;
  const file = (ending: string): string => join(paths.pki, `nats-${LISTENING}.${ending}`);
  const open = listen !== undefined && { host: listen, tls: { certFile: file('crt'), keyFile: file('key') } };
  return { access, natsConfig: natsServerConfig({ port, storeDir: paths.nats, disposable, ...access, ...open }) };
}
