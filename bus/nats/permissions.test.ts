import type { NatsConnection } from '@nats-io/nats-core';
import { errors } from '@nats-io/nats-core';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../bus.ts';
import { createCredentials, createNodeCredentials } from '../credentials.ts';
import type { UserSpec } from '../permissions.ts';
import { realWorld } from '../real-world.ts';
import * as subjects from '../subjects.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { createNodeAuthority, publicPartsOf } from './node-authority.ts';
import { createNodeGate } from './node-gate.ts';
import { natsServerConfig } from './server-config.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

const manager = { role: 'controller-manager', controllers: ['replicaset'] } as const;
const nodes = { role: 'nodes', nodes: ['worker-1'] } as const;
/** Every credential that a cluster has, but for `joined` those that the server's configuration lists. */
const specs = {
  etcd: { role: 'etcd' },
  apiserver: { role: 'apiserver' },
  manager,
  scheduler: { role: 'scheduler' },
  nodes,
  authenticator: { role: 'node-authenticator' },
  signer: { role: 'certificate-signer' },
  cloud: { role: 'cloud-controller-manager' },
  dns: { role: 'dns' },
  ingress: { role: 'ingress' },
  metrics: { role: 'metrics' },
  volumes: { role: 'local-volumes' },
  supervisor: { role: 'supervisor' },
  console: { role: 'console' },
  admin: { role: 'admin' },
  reader: { role: 'store-reader' },
  workers: { id: 'workers', roles: [manager, { role: 'scheduler' }, { role: 'node-authenticator' }, nodes] },
} as const satisfies Record<string, UserSpec>;
type Who = keyof typeof specs | 'joined';
const everyone = [...Object.keys(specs), 'joined'] as Who[];

const ask = (caller: string): string =>
  subjects.api({ caller, verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: 'web' });
const inbox = (id: string): string => `${subjects.inbox(`${id}.x`)}.1.30000`;
/** As the bus escapes the ids of nodes that joined: `node:worker-7`. */
const joined = 'node=3Aworker-7';
const otherNode = 'node=3Aworker-8';
const clients = 'manager scheduler nodes authenticator signer cloud dns ingress metrics volumes admin workers joined';
/** Those who open connections to pods. */
const dialers = 'cloud ingress';

/**
 * Who may publish, and who may subscribe to, each kind of subject; whoever is not named is refused by the server. Written
 * by hand and meant to be read. First column: what of `bus/subjects.ts` it is, or whose it is. `-`: cannot be published to.
 */
// prettier-ignore
const table: readonly (readonly [kind: string, subject: string, publish: string, subscribe: string])[] = [
  ['api', ask('scheduler'), 'scheduler workers', 'apiserver'],
  ['api', ask('controller-manager'), 'manager workers', 'apiserver'],
  ['api', ask('controller:replicaset'), 'manager workers', 'apiserver'],
  ['api', ask('controller:deployment'), '', 'apiserver'],
  ['api', ask('controller:csr-signing'), 'signer', 'apiserver'],
  ['api', ask('node:worker-1'), 'nodes workers', 'apiserver'],
  ['api', ask('node:worker-2'), '', 'apiserver'],
  ['api', ask('node:worker-7'), 'joined', 'apiserver'],
  ['api', ask('node:worker-8'), '', 'apiserver'],
  ['api', ask('node-authenticator'), 'authenticator workers', 'apiserver'],
  ['api', ask('cloud-controller-manager'), 'cloud', 'apiserver'],
  ['api', ask('dns'), 'dns', 'apiserver'],
  ['api', ask('ingress'), 'ingress', 'apiserver'],
  ['api', ask('metrics'), 'metrics', 'apiserver'],
  ['api', ask('local-volumes'), 'volumes', 'apiserver'],
  ['api', ask('admin'), 'admin', 'apiserver'],
  ['api', ask('apiserver'), '', 'apiserver'],
  ['api', ask('etcd'), '', 'apiserver'],
  ['api', ask('console'), '', 'apiserver'],
  ['api', ask('kube-proxy'), 'nodes workers joined', 'apiserver'],
  ['api', ask('kube-controller-manager'), '', 'apiserver'],
  ['api', ask('pod-network'), 'nodes workers joined', 'apiserver'],
  ['apiOf', subjects.apiOf('*'), '-', 'apiserver'],
  ['apiOf', subjects.apiOf('scheduler'), '-', 'apiserver'],
  ['apiOf', subjects.apiOf('node:worker-7'), '-', 'apiserver'],

  ['etcd', subjects.etcd('put'), 'apiserver', 'etcd'],
  ['etcd', subjects.etcd('delete'), 'apiserver', 'etcd'],
  ['etcd', subjects.etcd('compact'), 'apiserver', 'etcd'],
  ['etcd', subjects.etcd('snapshot'), 'apiserver', 'etcd'],
  ['etcd', subjects.etcd('changes'), 'apiserver', 'etcd'],
  ['etcd', subjects.etcd('range'), 'apiserver reader', 'etcd'],
  ['etcd', subjects.etcd('status'), 'apiserver reader', 'etcd'],
  ['etcdAll', subjects.etcdAll, '-', 'etcd'],
  ['event', subjects.event('/registry/pods/default/web'), '', 'etcd apiserver'],
  ['event', subjects.event('/registry/secrets/kube-system/s'), '', 'etcd apiserver'],
  ['eventAll', subjects.eventAll, '-', 'etcd apiserver'],

  ['node', subjects.node('worker-1', 'logs'), 'apiserver', 'nodes workers'],
  ['node', subjects.node('worker-1', 'portforward'), `apiserver ${dialers}`, 'nodes workers'],
  ['node', subjects.node('worker-7', 'portforward'), `apiserver ${dialers}`, 'joined'],
  ['node', subjects.node('worker-7', 'exec'), 'apiserver', 'joined'],
  ['node', subjects.node('worker-8', 'logs'), 'apiserver', ''],
  ['node', subjects.node('worker-7', 'stats'), 'apiserver metrics', 'joined'],
  ['node', subjects.node('worker-7', 'volumes'), 'apiserver volumes', 'joined'],
  ['node', subjects.node('worker-7', 'load'), 'apiserver admin', 'joined'],
  ['nodeAll', subjects.nodeAll('worker-7'), '-', 'joined'],
  ['nodeAll', subjects.nodeAll('worker-8'), '-', ''],
  ['nodeAll', subjects.nodeAll('*'), '-', ''],

  ['extension', subjects.extension('metrics'), 'apiserver', 'metrics'],
  ['extension', subjects.extension('dns'), 'apiserver', ''],
  ['extensionAll', subjects.extensionAll, '-', ''],

  ['presence', subjects.presence('etcd', 'x'), 'etcd', 'console'],
  ['presence', subjects.presence('apiserver', 'x'), 'apiserver', 'console'],
  ['presence', subjects.presence('controller-manager', 'x'), 'manager workers', 'manager workers console'],
  ['presence', subjects.presence('controller:replicaset', 'x'), '', 'console'],
  ['presence', subjects.presence('scheduler', 'x'), 'scheduler workers', 'scheduler workers console'],
  ['presence', subjects.presence('node-authenticator', 'x'), 'authenticator workers', 'console'],
  ['presence', subjects.presence('certificate-signer', 'x'), 'signer', 'console'],
  ['presence', subjects.presence('node-agent', 'worker-1'), 'nodes workers', 'console'],
  ['presence', subjects.presence('node-agent', 'worker-7'), 'nodes workers joined', 'console'],
  ['presenceOf', subjects.presenceOf('scheduler'), '-', 'scheduler workers console'],
  ['presenceOf', subjects.presenceOf('*'), '-', 'console'],
  ['rollCall', subjects.rollCall, 'manager scheduler cloud ingress workers console', 'etcd apiserver manager scheduler nodes authenticator signer cloud dns ingress metrics volumes workers joined'],
  ['probe', subjects.probe('scheduler', 'x'), 'scheduler workers', 'scheduler workers'],
  ['probe', subjects.probe('controller-manager', 'x'), 'manager workers', 'manager workers'],
  ['probe', subjects.probe('etcd', 'x'), '', ''],
  ['probeOf', subjects.probeOf('scheduler'), '-', 'scheduler workers'],

  ['metricsOf', subjects.metricsOf('scheduler'), 'apiserver', 'scheduler workers'],
  ['metricsOf', subjects.metricsOf('controller-manager'), 'apiserver', 'manager workers'],
  ['metrics', subjects.metrics('scheduler', 'x'), 'apiserver', 'scheduler workers'],
  ['metrics', subjects.metrics('controller-manager', 'x'), 'apiserver', 'manager workers'],
  ['metrics', subjects.metrics('etcd', 'x'), 'apiserver', ''],
  ['metricsEach', subjects.metricsEach('scheduler'), '-', 'scheduler workers'],
  ['metricsAll', subjects.metricsAll, '-', ''],

  ['inspect', subjects.inspect('etcd', 'x'), 'etcd', 'console'],
  ['inspect', subjects.inspect('apiserver', 'x'), 'apiserver', 'console'],
  ['inspect', subjects.inspect('controller-manager', 'x'), 'manager workers', 'console'],
  ['inspect', subjects.inspect('scheduler', 'x'), 'scheduler workers', 'console'],
  ['inspect', subjects.inspect('node-authenticator', 'x'), 'authenticator workers', 'console'],
  ['inspect', subjects.inspect('kubelet', 'worker-1'), 'nodes workers', 'console'],
  ['inspect', subjects.inspect('kubelet', 'worker-7'), 'nodes workers joined', 'console'],
  ['inspectOf', subjects.inspectOf('etcd'), '-', 'console'],
  ['inspectAll', subjects.inspectAll, '-', 'console'],
  ['control', subjects.control('etcd', 'x'), 'console', 'etcd'],
  ['control', subjects.control('apiserver', 'x'), 'console', 'apiserver'],
  ['control', subjects.control('controller-manager', 'x'), 'console', 'manager workers'],
  ['control', subjects.control('scheduler', 'x'), 'console', 'scheduler workers'],
  ['control', subjects.control('node-authenticator', 'x'), 'console', 'authenticator workers'],
  ['control', subjects.control('kubelet', 'worker-1'), 'console', 'nodes workers'],
  ['control', subjects.control('kubelet', 'worker-7'), 'console', 'nodes workers joined'],
  ['control', subjects.control('supervisor', 'x'), 'console', 'supervisor'],
  ['controlOf', subjects.controlOf('kubelet'), '-', 'nodes workers'],
  ['controlOf', subjects.controlOf('*'), '-', ''],

  ['inbox', inbox('etcd'), '', 'etcd'],
  ['inbox', inbox('apiserver'), 'etcd manager scheduler nodes cloud dns metrics workers joined', 'apiserver'],
  ['inbox', inbox('controller-manager'), 'apiserver', 'manager'],
  ['inbox', inbox('scheduler'), 'apiserver', 'scheduler'],
  ['inbox', inbox('nodes'), 'apiserver', 'nodes'],
  ['inbox', inbox('workers'), 'apiserver nodes workers joined', 'workers'],
  ['inbox', inbox('ingress'), 'apiserver nodes workers joined', 'ingress'],
  ['inbox', inbox('cloud-controller-manager'), 'apiserver nodes workers joined', 'cloud'],
  ['inbox', inbox('dns'), 'apiserver', 'dns'],
  ['inbox', inbox('metrics'), 'apiserver nodes workers joined', 'metrics'],
  ['inbox', inbox('node-authenticator'), 'apiserver', 'authenticator'],
  ['inbox', inbox('certificate-signer'), 'apiserver', 'signer'],
  ['inbox', inbox('supervisor'), 'apiserver', 'supervisor'],
  ['inbox', inbox('console'), 'apiserver supervisor', 'console'],
  ['inbox', inbox('admin'), 'apiserver nodes workers joined', 'admin'],
  ['inbox', inbox('store-reader'), 'etcd apiserver', 'reader'],
  ['inbox', inbox(joined), 'apiserver', 'joined'],
  ['inbox', inbox(otherNode), 'apiserver', ''],
  ['inbox', inbox('system'), '', ''],
  ['inbox', '_INBOX.x', '', ''],
  ['inbox', '_INBOX.>', '-', ''],
  ['inbox', '_INBOX.*.>', '-', ''],

  ['session', subjects.session('apiserver.x', 's', 'server'), clients, 'apiserver'],
  ['session', subjects.session('etcd.x', 's', 'client'), '', ''],
  ['session', subjects.session('controller-manager.x', 's', 'client'), 'apiserver', 'manager'],
  ['session', subjects.session('scheduler.x', 's', 'client'), 'apiserver', 'scheduler'],
  ['session', subjects.session('nodes.x', 's', 'server'), `apiserver ${dialers} admin`, 'nodes'],
  ['session', subjects.session('workers.x', 's', 'client'), `apiserver nodes ${dialers} admin workers joined`, 'workers'],
  ['session', subjects.session('ingress.x', 's', 'client'), `apiserver nodes ${dialers} workers joined`, 'ingress'],
  ['session', subjects.session('dns.x', 's', 'client'), `apiserver ${dialers}`, 'dns'],
  ['session', subjects.session('node-authenticator.x', 's', 'client'), 'apiserver', 'authenticator'],
  ['session', subjects.session('certificate-signer.x', 's', 'client'), 'apiserver', 'signer'],
  ['session', subjects.session('admin.x', 's', 'client'), 'apiserver nodes admin workers joined', 'admin'],
  ['session', subjects.session(`${joined}.x`, 's', 'client'), `apiserver ${dialers} admin`, 'joined'],
  ['session', subjects.session(`${otherNode}.x`, 's', 'client'), `apiserver ${dialers} admin`, ''],
  ['sessionProbe', subjects.sessionProbe('apiserver.x'), clients, 'apiserver'],
  ['sessionProbe', subjects.sessionProbe(`${joined}.x`), `apiserver ${dialers} admin`, 'joined'],
  ['sessionRoster', subjects.sessionRoster('apiserver.x'), clients, 'apiserver'],
  ['sessionRoster', subjects.sessionRoster(`${joined}.x`), `apiserver ${dialers} admin`, 'joined'],
  ['sessionAll', subjects.sessionAll('apiserver.x'), '-', 'apiserver'],
  ['sessionAll', subjects.sessionAll('*.*'), '-', ''],
  ['beat', subjects.beat('apiserver.x'), 'apiserver', `apiserver ${clients}`],
  ['beat', subjects.beat('controller-manager.x'), 'manager', `apiserver ${dialers} admin`],
  ['beat', subjects.beat('scheduler.x'), 'scheduler', `apiserver ${dialers} admin`],
  ['beat', subjects.beat('certificate-signer.x'), 'signer', `apiserver ${dialers} admin`],
  ['beat', subjects.beat('workers.x'), 'workers', `apiserver nodes ${dialers} admin workers joined`],
  ['beat', subjects.beat('nodes.x'), 'nodes', `apiserver ${dialers} admin`],
  ['beat', subjects.beat(`${joined}.x`), 'joined', `apiserver ${dialers} admin`],
  ['beat', subjects.beat(`${otherNode}.x`), '', `apiserver ${dialers} admin`],
  ['beat', subjects.beat('etcd.x'), '', `apiserver ${dialers} admin`],

  ['JetStream', '$JS.API.INFO', 'etcd', ''],
  ['JetStream', '$JS.API.STREAM.INFO.KV_kubus', 'etcd', ''],
  ['JetStream', '$JS.API.STREAM.PURGE.KV_kubus', 'etcd', ''],
  ['JetStream', '$JS.API.STREAM.MSG.GET.KV_kubus', 'etcd', ''],
  ['JetStream', '$JS.API.DIRECT.GET.KV_kubus', 'etcd', ''],
  ['JetStream', '$JS.API.DIRECT.GET.KV_kubus.$KV.kubus.registry.secrets', '', ''],
  ['JetStream', '$JS.API.STREAM.DELETE.OTHER', '', ''],
  ['JetStream', '$JS.API.STREAM.LIST', '', ''],
  ['JetStream', '$JS.API.STREAM.SNAPSHOT.OTHER', '', ''],
  ['JetStream', '$JS.API.CONSUMER.CREATE.KV_kubus', '', ''],
  ['JetStream', '$JS.API.CONSUMER.CREATE.KV_kubus.c.kubus', '', ''],
  ['JetStream', '$JS.ACK.KV_kubus.c.1.1.1.1.1', '', ''],
  ['JetStream', '$JS.FC.KV_kubus.c.x', '', ''],
  ['JetStream', '$JS.>', '-', ''],
  ['JetStream', '$JS.EVENT.>', '-', ''],
  ['KV', '$KV.kubus.registry.pods.default.web', 'etcd', ''],
  ['KV', '$KV.other.x', '', ''],
  ['KV', '$KV.>', '-', ''],
  ['system', '$SYS.REQ.USER.AUTH', '', 'authenticator workers'],
  ['system', '$SYS._INBOX.x.1', 'authenticator workers', ''],
  ['system', '$SYS.REQ.SERVER.PING', '', ''],
  ['system', '$SYS.REQ.SERVER.PING.CONNZ', '', ''],
  ['system', '$SYS.REQ.SERVER.X.KICK', '', ''],
  ['system', '$SYS.REQ.ACCOUNT.PING.CONNZ', '', ''],
  ['system', '$SYS.>', '-', ''],
  ['other', 'anything', '', ''],
  ['other', 'kubus', '', ''],
  ['other', 'kubus.v1.unknown', '', ''],
  ['other', 'kubus.v2.api.admin.get', '', ''],
  ['other', '>', '-', ''],
  ['other', '*', '-', ''],
  ['other', 'kubus.>', '-', ''],
  ['other', 'kubus.v1.>', '-', ''],
  ['other', 'kubus.v1.*.>', '-', ''],
  ['other', 'kubus.v1.event.*', '-', 'etcd apiserver'],
];

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
const refusedToPublish = (connection: NatsConnection, subject: string): Promise<string[]> =>
  refused(connection, () => connection.publish(subject));
async function refusedToSubscribe(connection: NatsConnection, subject: string, queue?: string): Promise<string[]> {
  let mine: { unsubscribe(): void } | undefined;
  const options = { callback: () => undefined, ...(queue !== undefined && { queue }) };
  const seen = await refused(connection, () => {
    mine = connection.subscribe(subject, options);
  });
  mine?.unsubscribe();
  return seen;
}

describe('what each credential may say and hear', () => {
  const world = realWorld({ level: 'silent' });
  const authority = createNodeAuthority();
  const buses = {} as Record<Who, Bus>;
  let server: TestServer;
  let system: NatsConnection;
  beforeAll(async () => {
    const made = Object.entries(specs).map(([who, spec]) => [who, createCredentials(spec, { urls: [] })] as const);
    const users = made.map(([, { user }]) => user);
    server = await startTestServer(({ port, dir }) =>
      natsServerConfig({ port, storeDir: dir, users, ...publicPartsOf(authority) }),
    );
    const urls = [server.url];
    for (const [who, { credentials }] of made)
      buses[who as Who] = await connectNats({ world, name: who, credentials: { ...credentials, urls } });
    const gate = createNodeGate({ bus: buses.authenticator, world, authority, servers: { urls } });
    const let7in = gate.serve((r) => Promise.resolve(r.node === 'worker-7' && r.token === 'good' ? undefined : 'no'));
    await buses.authenticator.flush();
    const credentials = { ...createNodeCredentials('worker-7', { urls }), token: 'good' };
    buses.joined = await connectNats({ world, name: 'joined', credentials });
    let7in.unsubscribe();
    const seed = new TextEncoder().encode(authority.system);
    system = await connect({ servers: urls, authenticator: nkeyAuthenticator(seed), inboxPrefix: '_INBOX.system' });
  });
  afterAll(async () => {
    await Promise.all(Object.values(buses).map((bus) => bus.drain()));
    await system.close();
    await server.stop();
  });
  const allowed = async (refusals: (connection: NatsConnection) => Promise<string[]>): Promise<Who[]> => {
    const all = await Promise.all(
      everyone.map(async (who) => [who, await refusals(natsConnectionOf(buses[who]))] as const),
    );
    return all.filter(([, seen]) => seen.length === 0).map(([who]) => who);
  };
  const named = (list: string): Who[] => everyone.filter((who) => list.split(' ').includes(who));

  it.each(table.filter(([, , publish]) => publish !== '-'))(
    '%s: %s is published to by [%s]',
    async (_, subject, who) => {
      expect(await allowed((connection) => refusedToPublish(connection, subject))).toEqual(named(who));
    },
  );
  it.each(table.map(([kind, subject, , who]) => [kind, subject, who] as const))(
    '%s: %s is heard by [%s]',
    async (_, subject, who) => {
      expect(await allowed((connection) => refusedToSubscribe(connection, subject))).toEqual(named(who));
      // As one of a queue a subscriber would even take the message away.
      expect(await allowed((connection) => refusedToSubscribe(connection, subject, 'q'))).toEqual(named(who));
    },
  );
  it('names every kind of subject that there is', () => {
    const helpers =
      'escapeToken unescapeToken parseApi keyToken tokenKey keyOfEvent parsePresence isAddress isInbox'.split(' ');
    const kinds = new Set(table.map(([kind]) => kind));
    expect(Object.keys(subjects).filter((name) => !helpers.includes(name) && !kinds.has(name))).toEqual([]);
    expect(everyone.filter((who) => !table.some(([, , ...lists]) => lists.join(' ').split(' ').includes(who)))).toEqual(
      [],
    );
  });
  it('lets the system user look at connections and end them, and nothing else', async () => {
    for (const subject of ['$SYS.REQ.SERVER.PING.CONNZ', '$SYS.REQ.SERVER.NX.KICK'])
      expect(await refusedToPublish(system, subject), subject).toEqual([]);
    const others = ['$SYS.REQ.SERVER.NX.RELOAD', '$SYS.REQ.SERVER.PING', '$SYS.REQ.ACCOUNT.NX.INFO', '$JS.API.INFO'];
    for (const subject of [...others, ask('admin'), subjects.etcd('put'), '_INBOX.system.x'])
      expect(await refusedToPublish(system, subject), subject).toEqual(['publish']);
    for (const subject of ['$SYS.>', '$SYS.ACCOUNT.>', '>', subjects.eventAll, '$SYS.REQ.USER.AUTH'])
      expect(await refusedToSubscribe(system, subject), subject).toEqual(['subscription']);
  });
});
