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
} from '../../bus/credentials.ts';
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { writePrivate } from '../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../cluster/paths.ts';
import { CONTROLLERS } from './controller-names.ts';
import { nodeNames, type ComponentName } from './spec.ts';

const credentialsFile = (dir: string, role: string): string => join(dir, 'credentials', `${role}.json`);

export function readCredentials(dir: string, role: ComponentName | 'console'): Credentials {
  return parseCredentials(readFileSync(credentialsFile(dir, role), 'utf8'));
}
/** One credential a role, kept over restarts (only the address may change), and the server's configuration that knows them. */
export function writeCredentials(
  paths: ClusterPaths,
  config: ClusterConfig,
  roles: readonly ComponentName[],
): { readonly natsConfig: string } {
  const urls = [`nats://127.0.0.1:${config.natsPort}`];
  const users = [...roles, 'console' as const].map((role): NatsUser => {
    const spec: RoleSpec = {
      role,
      ...(role === 'controller-manager' && { controllers: CONTROLLERS }),
      ...(role === 'nodes' && { nodes: nodeNames(config) }),
    };
    const file = credentialsFile(paths.dir, role);
    if (existsSync(file)) {
      const kept = parseCredentials(readFileSync(file, 'utf8'));
      if (kept.urls[0] !== urls[0]) writePrivate(file, formatCredentials({ ...kept, urls }));
      return userOf(spec, kept.seed);
    }
    const { credentials, user } = createCredentials(spec, { urls });
    writePrivate(file, formatCredentials(credentials));
    return user;
  });
  return {
    natsConfig: natsServerConfig({ port: config.natsPort, storeDir: paths.nats, disposable: config.ephemeral, users }),
  };
}
