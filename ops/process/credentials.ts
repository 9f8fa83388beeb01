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
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { writePrivate } from '../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { CONTROLLERS } from './controller-names.ts';
import { COMPONENTS, nodeNames, type ComponentName } from './spec.ts';

const credentialsFile = (dir: string, role: string): string => join(dir, 'credentials', `${role}.json`);

/** The name under which a supervised thread keeps the credential of all its components. */
const JOINT = 'workers';

export function readCredentials(dir: string, role: ComponentName | 'console' | typeof JOINT): Credentials {
  return readFrom(credentialsFile(dir, role));
}
/** Thrown: UserError that names the file. */
function readFrom(file: string): Credentials {
  try {
    return parseCredentials(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}: remove it, and the next kubus up makes another`);
  }
}
export const readJointCredentials = (dir: string): Credentials => readCredentials(dir, JOINT);

/**
 * One credential a role, kept over restarts (only the address may change), and the server's configuration that knows
 * them. The components of the supervised thread also have one together: at rest, what costs is the connections.
 */
export function writeCredentials(
  paths: ClusterPaths,
  config: ClusterConfig,
  roles: readonly ComponentName[],
): { readonly natsConfig: string } {
  const urls = [`nats://127.0.0.1:${config.natsPort}`];
  const specOf = (role: ComponentName | 'console'): RoleSpec => ({
    role,
    ...(role === 'controller-manager' && { controllers: CONTROLLERS }),
    ...(role === 'nodes' && { nodes: nodeNames(config) }),
  });
  const user = (name: string, spec: UserSpec): NatsUser => {
    const file = credentialsFile(paths.dir, name);
    if (existsSync(file)) {
      const kept = readFrom(file);
      if (kept.urls[0] !== urls[0]) writePrivate(file, formatCredentials({ ...kept, urls }));
      return userOf(spec, kept.seed);
    }
    const created = createCredentials(spec, { urls });
    writePrivate(file, formatCredentials(created.credentials));
    return created.user;
  };
  const workers = roles.filter((role) => role !== 'etcd' && role !== 'apiserver');
  const users = [
    // Those that do not run here too: `kubus run` may start them elsewhere.
    ...[...COMPONENTS, 'console' as const].map((role) => user(role, specOf(role))),
    ...(workers.length > 0 ? [user(JOINT, { id: JOINT, roles: workers.map(specOf) })] : []),
  ];
  return {
    natsConfig: natsServerConfig({ port: config.natsPort, storeDir: paths.nats, disposable: config.ephemeral, users }),
  };
}
