import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import { secrets } from '../../actors/runtime/resources.ts';
import type { Bus } from '../../bus/bus.ts';
import { createNodeCredentials, parseCredentials, type Credentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { Secret } from '../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { upForTest, type TestCluster } from './cluster.ts';

/** A cluster of one node, and machines that want to join it. */
export interface Joining {
  readonly cluster: TestCluster;
  readonly admin: ApiClient;
  readonly urls: readonly string[];
  /** Ended with the rest. */
  connect(credentials: Credentials): Promise<Bus>;
  /** A new key that says to be `node`'s. */
  machine(node: string): Credentials;
  refusedToConnect(credentials: Credentials): Promise<void>;
  /** A token as `kubus token create` makes it, or spoilt by `change`. */
  makeToken(id: string, change?: Record<string, string>): Promise<string>;
  stop(): Promise<void>;
}
export const joiningWorld = realWorld({ level: 'silent' });
const isUnauthorized = (error: unknown): boolean => reasonOf(error) === 'Unauthorized';

export async function clusterToJoin(): Promise<Joining> {
  const open: Bus[] = [];
  const connect = async (credentials: Credentials): Promise<Bus> => {
    const bus = await connectNats({
      world: joiningWorld,
      name: credentials.role,
      credentials,
      connectTimeoutMs: 15_000,
    });
    open.push(bus);
    return bus;
  };
  const cluster = await upForTest(['--nodes', '1', '--wait']);
  const credentials = parseCredentials(readFileSync(join(cluster.data, 'credentials/admin.json'), 'utf8'));
  const { urls } = credentials;
  const admin = createApiClient(await connect(credentials), joiningWorld, 'admin');
  return {
    cluster,
    admin,
    urls,
    connect,
    machine: (node) => createNodeCredentials(node, { urls }),
    refusedToConnect: (refused) => expect(connect(refused)).rejects.toSatisfy(isUnauthorized),
    async makeToken(id, change = {}) {
      const stringData = {
        'token-id': id,
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        ...change,
      };
      const metadata = { name: `bootstrap-token-${id}`, namespace: 'kube-system' };
      const type = 'bootstrap.kubernetes.io/token';
      await admin.create<Secret>(secrets, { apiVersion: 'v1', kind: 'Secret', type, metadata, stringData });
      return `${id}.0123456789abcdef`;
    },
    async stop() {
      await Promise.all(open.map((bus) => bus.drain()));
      await cluster.stop();
    },
  };
}
