import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '../../../bus/bus.ts';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import { createMemoryLog } from '../../../bus/memory/log.ts';
import { realWorld } from '../../../bus/real-world.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { createApiClient } from '../../runtime/client.ts';
import { startApiserver, type Apiserver, type ApiserverOptions } from '../actor.ts';
import { serveFakeEtcd } from './fake-etcd.ts';

export interface TestPki {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly adminCert: string;
  readonly adminKey: string;
  readonly serviceAccountKey: string;
  readonly frontProxyCa?: string;
}
export interface TestServers {
  readonly servers: readonly Apiserver[];
  client(caller: string): ApiClient;
  /** A connection of its own to the same bus. */
  connect(name: string): Bus;
  /** Cuts one server off the bus, or lets it back. */
  setConnected(server: number, connected: boolean): void;
  stop(): Promise<void>;
}
/** API servers over one store in memory, with real time and real sockets. */
export async function startServers(
  count: number,
  pki: TestPki,
  own: (server: number) => Partial<ApiserverOptions> = () => ({}),
  /** What comes between a server and the bus. */
  between: (bus: Bus) => Bus = (bus) => bus,
): Promise<TestServers> {
  const world = realWorld({ level: 'silent' });
  const hub = createMemoryHub({ world });
  serveFakeEtcd(hub.connect('etcd'), createMemoryLog({ world, bus: hub.connect('log') }));
  const servers = Array.from({ length: count }, (_, i) =>
    startApiserver({
      ...own(i),
      world,
      bus: between(hub.connect(`apiserver-${i}`)),
      id: `a${i}`,
      // One of each kind: both ways to a consistent read are tried.
      replicated: i % 2 === 1,
      serviceAccountKey: pki.serviceAccountKey,
      advertiseAddress: '10.0.0.1',
      tokens: { secret: { name: 'token-user', groups: ['system:masters'] } },
      https: {
        host: '127.0.0.1',
        port: 0,
        key: pki.serverKey,
        cert: pki.serverCert,
        clientCa: pki.ca,
        frontProxyCa: pki.frontProxyCa,
      },
    }),
  );
  await Promise.all(servers.map((s) => s.ready));
  const connections = new Map<string, ReturnType<typeof hub.connect>>();
  return {
    servers,
    client(caller) {
      let bus = connections.get(caller);
      if (bus === undefined) connections.set(caller, (bus = hub.connect(`client-${caller}`)));
      return createApiClient(bus, world, caller);
    },
    connect: (name) => hub.connect(name),
    setConnected: (server, connected) => hub.setConnected(`apiserver-${server}`, connected),
    async stop() {
      await Promise.all(servers.map((s) => s.stop()));
    },
  };
}
export function tempFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'apiserver-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
