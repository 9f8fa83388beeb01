import { connect, type NatsConnection } from '@nats-io/transport-node';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Log, LogEntry } from '../log.ts';
import { realWorld } from '../real-world.ts';
import { openNatsLog } from './log.ts';
import { natsServerConfig } from './server-config.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const world = realWorld({ level: 'silent' });
const servers: TestServer[] = [];
const connections: NatsConnection[] = [];
const names = ['a', 'b', 'c'];

beforeAll(async () => {
  const routePorts = await Promise.all(names.map(freePort));
  const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`);
  for (const [i, name] of names.entries()) {
    const cluster = { name: 'test', listen: `127.0.0.1:${routePorts[i]}`, routes };
    servers.push(
      await startTestServer(({ port, dir }) =>
        natsServerConfig({ port, storeDir: join(dir, 'data'), serverName: name, cluster }),
      ),
    );
  }
});
afterAll(async () => {
  for (const connection of connections) await connection.close();
  for (const server of servers) await server.stop();
});

const connected = async (index: number): Promise<NatsConnection> => {
  const urls = servers.map((server) => server.url);
  // Each prefers a server of its own, and may go to any.
  const preferred = [urls[index]!, ...urls.filter((_, i) => i !== index)];
  const connection = await connect({
    servers: preferred,
    noRandomize: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  connections.push(connection);
  return connection;
};
/** A cluster that has just started, or lost its leader, answers nothing for a while. */
async function eventually<T>(attempt: () => Promise<T>, ms = 25_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    try {
      return await attempt();
    } catch (error) {
      const wait = reasonOf(error) === 'ServiceUnavailable' || reasonOf(error) === 'Timeout';
      if (!wait || Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
const put = (log: Log, key: string, id: string, expect?: number): Promise<number> =>
  log.append({ key, value: new TextEncoder().encode(id), id, expect });

it(
  'pitfalls 5, 18, 22, 23: three servers are one log, through the death of the leader',
  { timeout: 60_000 },
  async () => {
    const logs: Log[] = [];
    for (const i of names.keys()) {
      const connection = await connected(i);
      logs.push(await eventually(() => openNatsLog({ connection, world })));
    }
    // Nobody said how many copies: a cluster of servers keeps three.
    expect(logs.map((log) => log.replicated)).toEqual([true, true, true]);
    const [writer, reader, other] = logs as [Log, Log, Log];
    const seen: LogEntry[] = [];
    reader.subscribe((entry) => seen.push(entry));
    // 22: the barrier is a write, so it is true whoever leads; 5: another server's reader has all by then.
    const revisions: number[] = [];
    for (let i = 0; i < 50; i++) {
      revisions.push(await eventually(() => put(writer, `/k/${i % 5}`, `w${i}`)));
      if (i % 10 !== 9) continue;
      await reader.barrier();
      expect(seen.at(-1)!.revision).toBeGreaterThanOrEqual(revisions.at(-1)!);
    }
    expect(seen.map((e) => e.revision)).toEqual(seen.map((_, i) => seen[0]!.revision + i));
    const before = (await eventually(() => other.bounds())).last;
    expect(before).toBeGreaterThanOrEqual(revisions.at(-1)!);

    const info = await connections[0]!.request('$JS.API.STREAM.INFO.KV_kubus');
    const { leader } = info.json<{ cluster: { leader: string } }>().cluster;
    await servers[names.indexOf(leader)]!.kill();
    // 18, 23: the writes wait for the election, each under its id, and none comes twice.
    const late = await Promise.all(logs.map((log, i) => eventually(() => put(log, `/late/${i}`, `late${i}`, 0))));
    expect(new Set(late).size).toBe(3);
    for (const log of logs) {
      const found: LogEntry[] = [];
      await eventually(async () => {
        found.length = 0;
        await log.barrier();
        for await (const entry of log.read(1)) found.push(entry);
      });
      for (const revision of [...revisions, ...late]) expect(found.some((e) => e.revision === revision)).toBe(true);
      expect(found.map((e) => e.revision)).toEqual(found.map((_, i) => i + 1));
      expect(await eventually(() => log.find('late1'))).toBe(late[1]);
    }
  },
);

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
