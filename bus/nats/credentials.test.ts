import { jetstreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/nats-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Bus } from '../bus.ts';
import { createCredentials, formatCredentials, parseCredentials } from '../credentials.ts';
import type { Credentials, RoleSpec } from '../credentials.ts';
import { encode } from '../codec.ts';
import { realWorld } from '../real-world.ts';
import * as subjects from '../subjects.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { natsServerConfig } from './server-config.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

const specs = {
  etcd: { role: 'etcd' },
  apiserver: { role: 'apiserver' },
  controllers: { role: 'controller-manager', controllers: ['replicaset'] },
  scheduler: { role: 'scheduler' },
  nodes: { role: 'nodes', nodes: ['worker-1'] },
  admin: { role: 'admin' },
} as const satisfies Record<string, RoleSpec>;
type Who = keyof typeof specs;
const everyone = Object.keys(specs) as Who[];

const pods = (caller: string): string =>
  subjects.api({ caller, verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'web' });

describe('credentials on a real server', () => {
  let server: TestServer;
  let foreign: Credentials;
  let both: Bus;
  const joint = createCredentials(
    {
      id: 'workers',
      roles: [
        { role: 'controller-manager', controllers: ['job'] },
        { role: 'scheduler' },
        { role: 'nodes', nodes: ['worker-9'] },
      ],
    },
    { urls: [] },
  );
  const buses = {} as Record<Who, Bus>;
  beforeAll(async () => {
    const made = everyone.map((who) => [who, createCredentials(specs[who], { urls: ['nats://unknown'] })] as const);
    server = await startTestServer(({ port, dir }) =>
      natsServerConfig({ port, storeDir: dir, users: [joint.user, ...made.map(([, { user }]) => user)] }),
    );
    both = await connectNats({
      world: realWorld({ level: 'silent' }),
      name: 'both',
      credentials: { ...joint.credentials, urls: [server.url] },
    });
    for (const [who, { credentials }] of made) {
      const read = parseCredentials(formatCredentials({ ...credentials, urls: [server.url] }));
      buses[who] = await connectNats({ world: realWorld({ level: 'silent' }), name: who, credentials: read });
    }
    const { etcd, apiserver } = buses;
    etcd.serve(subjects.etcdAll, 'etcd', (m) => ({ etcd: m.body }));
    apiserver.serve(subjects.apiOf('*'), 'apiserver', (m) => apiserver.request(subjects.etcd('range'), m.body));
    await Promise.all([etcd.flush(), apiserver.flush()]);
    foreign = createCredentials({ role: 'etcd' }, { urls: [server.url] }).credentials;
  });
  afterAll(async () => {
    await Promise.all([both, ...Object.values(buses)].map((bus) => bus.drain()));
    await server.stop();
  });

  it('lets each do its work: requests, sessions both ways, the log', async () => {
    const { apiserver, etcd, nodes, scheduler, controllers } = buses;
    apiserver.serveSessions(subjects.apiOf('*'), 'apiserver', (_, session) => void session.send('watching'));
    nodes.serveSessions(subjects.nodeAll('worker-1'), 'node', (_, session) => void session.send('logs'));
    await Promise.all([etcd, apiserver, nodes].map((bus) => bus.flush()));
    expect(await scheduler.request(pods('scheduler'), 1)).toEqual({ etcd: 1 });
    expect(await controllers.request(pods('controller:replicaset'), 2)).toEqual({ etcd: 2 });
    for (const [bus, subject, frame] of [
      [scheduler, pods('scheduler'), 'watching'],
      [nodes, pods('node:worker-1'), 'watching'],
      [apiserver, subjects.node('worker-1', 'logs'), 'logs'],
    ] as const) {
      const session = await bus.open(subject, null);
      for await (const seen of session.frames()) {
        expect(seen).toBe(frame);
        session.close();
      }
    }
    const manager = await jetstreamManager(natsConnectionOf(etcd));
    await manager.streams.add({ name: 'KV_kubus', subjects: ['$KV.kubus.>'] });
    await manager.streams.delete('KV_kubus');
  });
  it('lets one connection do the work of several roles', async () => {
    const { apiserver } = buses;
    both.serveSessions(subjects.nodeAll('worker-9'), 'node', (_, session) => void session.send('logs'));
    await both.flush();
    for (const caller of ['scheduler', 'node:worker-9', 'controller:job'])
      expect(await both.request(pods(caller), 1)).toEqual({ etcd: 1 });
    await expect(both.request(pods('node:worker-1'), 1)).rejects.toSatisfy((e) => reasonOf(e) === 'Forbidden');
    const session = await apiserver.open(subjects.node('worker-9', 'logs'), null);
    for await (const frame of session.frames()) {
      expect(frame).toBe('logs');
      session.close();
    }
  });
  it('answers into inboxes alone, whatever subject a request names', async () => {
    const { apiserver, scheduler } = buses;
    const seen: string[] = [];
    const listening = buses.etcd.subscribe(subjects.eventAll, (message) => seen.push(message.subject));
    await buses.etcd.flush();
    const connection = natsConnectionOf(scheduler);
    for (const reply of [subjects.event('/registry/pods/default/web'), subjects.etcd('put'), '$JS.API.INFO'])
      connection.publish(pods('scheduler'), encode(1), { reply });
    expect(await scheduler.request(pods('scheduler'), 7)).toEqual({ etcd: 7 });
    await Promise.all([apiserver.flush(), buses.etcd.flush()]);
    expect(seen).toEqual([]);
    listening.unsubscribe();
  });
  it('opens no session in the name of another', async () => {
    const { scheduler } = buses;
    let mine = '';
    const connection = natsConnectionOf(scheduler);
    const own = connection.subscribe('_INBOX.scheduler.tok.>', {
      callback: (_, m) => {
        mine = String(m.headers?.get('Kubus-Status'));
      },
    });
    for (const peer of ['apiserver.guess', 'controller-manager.guess']) {
      mine = '';
      const header = headers();
      header.set('Kubus-Session', `${peer} id 256`);
      connection.publish(pods('scheduler'), encode(null), { reply: '_INBOX.scheduler.tok.1.30000', headers: header });
      await vi.waitFor(() => expect(mine).not.toBe(''));
      expect(mine).toBe('1');
    }
    own.unsubscribe();
  });
  it('answers a request that the server refuses with Forbidden, at once', async () => {
    await expect(buses.scheduler.request(pods('admin'), 1)).rejects.toSatisfy((e) => reasonOf(e) === 'Forbidden');
  });
  it('refuses users it does not know with Unauthorized', async () => {
    for (const credentials of [foreign, undefined])
      await expect(
        connectNats({ world: realWorld({ level: 'silent' }), name: 'stranger', servers: server.url, credentials }),
      ).rejects.toSatisfy((e) => reasonOf(e) === 'Unauthorized');
  });
});

describe('a credentials file', () => {
  it.each([
    '',
    '{',
    'null',
    '{}',
    '{"urls":[]}',
    '{"urls":["nats://x"],"role":"etcd","seed":"SUAAA"}',
    '{"urls":["nats://x"],"seed":"x"}',
  ])('is refused with BadRequest when it reads %s', (text) => {
    expect(() => parseCredentials(text)).toThrow(
      expect.objectContaining({ status: expect.objectContaining({ reason: 'BadRequest' }) as unknown }) as Error,
    );
  });
});
