import { Kvm } from '@nats-io/kv';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import { logConformance } from '../log-conformance.ts';
import type { Log } from '../log.ts';
import { realWorld } from '../real-world.ts';
import { openNatsLog } from './log.ts';
import { natsServerConfig } from './server-config.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const world = realWorld({ level: 'silent' });
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer(({ port, dir }) => natsServerConfig({ port, storeDir: join(dir, 'data') }));
});
afterAll(() => server.stop());

const api = async (connection: NatsConnection, subject: string, body: unknown = ''): Promise<Record<string, unknown>> =>
  (await connection.request(`$JS.API.${subject}`, body === '' ? '' : JSON.stringify(body))).json();

/** A view with a connection of its own, closed with it. */
async function openLog(): Promise<Log> {
  const connection = await connect({ servers: server.url });
  const log = await openNatsLog({ connection, world });
  const closeLog = log.close.bind(log);
  const close = async (): Promise<void> => {
    await closeLog();
    await connection.close();
  };
  return Object.assign(log, { close });
}

logConformance('JetStream', async () => ({
  open: openLog,
  close: async () => {
    const connection = await connect({ servers: server.url });
    await api(connection, 'STREAM.DELETE.KV_kubus');
    await connection.close();
  },
}));

describe('the stream', () => {
  let connection: NatsConnection;
  beforeAll(async () => {
    connection = await connect({ servers: server.url });
  });
  afterAll(() => connection.close());

  it.each([
    ['written by a newer version', { metadata: { 'kubus.format': '99' } }, /written by a newer version \(format 99/],
    ['asynchronous though durability is wanted', { persist_mode: 'async' }, /asynchronous/],
    ['dropping history by itself', { max_msgs_per_subject: 5 }, /drops history/],
    ['in memory', { storage: 'memory' }, /kept in memory/],
  ])('is refused in one line when it is %s', async (_name, config, message) => {
    await api(connection, 'STREAM.CREATE.KV_kubus', {
      name: 'KV_kubus',
      subjects: ['$KV.kubus.>'],
      storage: 'file',
      ...config,
    });
    try {
      await expect(openNatsLog({ connection, world })).rejects.toThrow(message);
      await expect(openNatsLog({ connection, world })).rejects.toSatisfy(
        (e) => reasonOf(e) === 'Invalid' && !(e as Error).message.includes('\n'),
      );
    } finally {
      await api(connection, 'STREAM.DELETE.KV_kubus');
    }
  });

  it('is a KV bucket that KV tools read, values, history and deletes', async () => {
    const log = await openNatsLog({ connection, world });
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    for (const i of [1, 2, 3]) await log.append({ key: '/registry/roles/a:b', value: bytes(`${i}`), id: `kv${i}` });
    await log.append({ key: '/registry/pods/web', value: undefined, id: 'gone' });
    const bucket = await new Kvm(connection).open('kubus');
    const entry = await bucket.get('registry.roles.a=3Ab');
    expect([entry?.string(), entry?.revision, entry?.operation]).toEqual(['3', 3, 'PUT']);
    expect((await bucket.get('registry.pods.web'))?.operation).toBe('DEL');
    const history: string[] = [];
    for await (const past of await bucket.history({ key: 'registry.roles.a=3Ab' })) history.push(past.string());
    expect(history).toEqual(['1', '2', '3']);
    // And what such a tool writes is an entry like any other.
    await bucket.put('registry.pods.other', 'x');
    const seen: string[] = [];
    for await (const e of log.read(5)) seen.push(`${e.revision}${e.key}${e.id}`);
    expect(seen).toEqual(['5/registry/pods/other']);
    await log.close();
    await api(connection, 'STREAM.DELETE.KV_kubus');
  });

  it('may be one that loses writes where durability is not wanted, and says so', async () => {
    const log = await openNatsLog({ connection, world, durable: false });
    expect(log.durable).toBe(false);
    expect((await log.bounds()).last).toBe(0);
    await log.close();
    await api(connection, 'STREAM.DELETE.KV_kubus');
  });

  it('is refused from a nats-server that is too old', async () => {
    const info = { ...connection.info, version: '2.10.27' };
    const old = Object.create(connection, { info: { value: info } }) as NatsConnection;
    await expect(openNatsLog({ connection: old, world })).rejects.toThrow(/nats-server 2\.10\.27 is too old .* 2\.14/);
  });
});
