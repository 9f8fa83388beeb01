import type { NatsConnection } from '@nats-io/nats-core';
import { errors } from '@nats-io/nats-core';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Bus } from '../bus.ts';
import { createCredentials, formatCredentials, parseCredentials } from '../credentials.ts';
import type { Credentials, RoleSpec } from '../credentials.ts';
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
  console: { role: 'console' },
} as const satisfies Record<string, RoleSpec>;
type Who = keyof typeof specs;
const everyone = Object.keys(specs) as Who[];
const but = (...some: Who[]): Who[] => everyone.filter((who) => !some.includes(who));

const pods = (caller: string): string =>
  subjects.api({ caller, verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'web' });

/** What is refused or granted, and to whom; those not named get the opposite. */
const publishing: readonly (readonly [subject: string, allowed: readonly Who[]])[] = [
  [pods('scheduler'), ['scheduler']],
  [pods('controller:replicaset'), ['controllers']],
  [pods('controller:deployment'), []],
  [pods('node:worker-1'), ['nodes']],
  [pods('node:worker-2'), []],
  [pods('kube-proxy'), ['nodes']],
  [pods('console'), ['console']],
  [pods('apiserver'), ['apiserver']],
  [subjects.etcd('put'), ['apiserver']],
  [subjects.event('/registry/pods/default/web'), []],
  [subjects.node('worker-1', 'logs'), ['apiserver']],
  [subjects.presence('scheduler', 'x'), ['scheduler']],
  [subjects.presence('etcd', 'x'), ['etcd']],
  [subjects.presence('controller:replicaset', 'x'), ['controllers']],
  [subjects.inspect('kubelet', 'worker-1'), ['nodes']],
  [subjects.control('etcd', 'x'), ['console']],
  [subjects.session('apiserver.x', 'y', 'server'), but('etcd')],
  [subjects.session('scheduler.x', 'y', 'client'), ['apiserver']],
  [subjects.beat('scheduler.x'), ['scheduler']],
  ['$JS.API.INFO', ['etcd']],
  ['$KV.kubus.registry.pods.default.web', ['etcd']],
  ['$SYS.REQ.SERVER.PING', []],
  ['_INBOX.apiserver.x.1', []],
  ['_INBOX.scheduler.x.1', []],
  ['anything', []],
];
const subscribing: readonly (readonly [subject: string, allowed: readonly Who[]])[] = [
  ['>', []],
  ['*', []],
  ['$SYS.>', []],
  ['$JS.>', []],
  ['$KV.>', []],
  ['_INBOX.>', []],
  ['_INBOX.apiserver.>', ['apiserver']],
  ['_INBOX.scheduler.>', ['scheduler']],
  ['_INBOX.etcd.>', ['etcd']],
  [subjects.apiOf('*'), ['apiserver']],
  [pods('scheduler'), ['apiserver']],
  [subjects.etcdAll, ['etcd']],
  [subjects.eventAll, ['etcd', 'apiserver']],
  [subjects.nodeAll('worker-1'), ['nodes']],
  [subjects.nodeAll('worker-2'), []],
  [subjects.presenceOf('*'), everyone],
  [subjects.inspectAll, ['console']],
  [subjects.control('scheduler', 'x'), ['scheduler']],
  [subjects.sessionAll('apiserver.x'), ['apiserver']],
  [subjects.sessionAll('nodes.x'), ['nodes']],
  [subjects.beat('apiserver.x'), but('etcd')],
  [subjects.beat('nodes.x'), ['apiserver']],
];

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

  /** What the server refuses while `act` runs. */
  async function refused(connection: NatsConnection, act: () => void): Promise<string[]> {
    const seen: string[] = [];
    const status = connection.status();
    const reading = (async () => {
      for await (const s of status)
        if (s.type === 'error' && s.error instanceof errors.PermissionViolationError) seen.push(s.error.operation);
    })();
    act();
    await connection.flush();
    await connection.flush();
    (status as unknown as { stop(): void }).stop();
    await reading;
    return seen;
  }

  it.each(
    publishing.flatMap(([subject, allowed]) => everyone.map((who) => [who, allowed.includes(who), subject] as const)),
  )('%s may publish (%s) on %s', async (who, allowed, subject) => {
    const connection = natsConnectionOf(buses[who]);
    expect(await refused(connection, () => connection.publish(subject))).toEqual(allowed ? [] : ['publish']);
  });
  it.each(
    subscribing.flatMap(([subject, allowed]) => everyone.map((who) => [who, allowed.includes(who), subject] as const)),
  )('%s may subscribe (%s) to %s', async (who, allowed, subject) => {
    const connection = natsConnectionOf(buses[who]);
    let mine: { unsubscribe(): void } | undefined;
    const act = (): void => {
      mine = connection.subscribe(subject, { callback: () => undefined });
    };
    expect(await refused(connection, act)).toEqual(allowed ? [] : ['subscription']);
    mine?.unsubscribe();
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
  it('answers a request that the server refuses with Forbidden, at once', async () => {
    await expect(buses.scheduler.request(pods('console'), 1)).rejects.toSatisfy((e) => reasonOf(e) === 'Forbidden');
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
