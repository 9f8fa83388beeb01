import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import type { Bus, Session } from '../../../../bus/bus.ts';
import type { ExecRequest, StreamInput } from '../../../../bus/protocol/node.ts';
import { SessionStream } from '../../../../bus/session-stream.ts';
import { until } from '../../../../bus/testing/until.ts';
import { ApiError } from '../../../../schemas/meta/status.ts';
import { SpdyConnection } from '../../../runtime/spdy/connection.ts';
import { httpsCall } from '../../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

let all: TestServers;
let pki: TestPki;
let node: Bus;
const folder = tempFolder();
const base = '/api/v1/namespaces/default/pods';
const exec = `${base}/web/exec?command=sh&stdin=true&stdout=true&stderr=true`;
/** What the node was asked, and what it heard. */
let asked: ExecRequest | undefined;
let heard: StreamInput[];
let process: (session: Session) => Promise<void> | void;

beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki);
  await post('/api/v1/nodes', { kind: 'Node', metadata: { name: 'n1' } });
  const status = { addresses: [{ type: 'InternalIP', address: '127.0.0.1' }], daemonEndpoints: { kubeletEndpoint: { Port: 1 } } };
  await call('PATCH', '/api/v1/nodes/n1/status', { status });
  await post('/api/v1/namespaces/default/serviceaccounts', { kind: 'ServiceAccount', metadata: { name: 'default' } });
  for (const [name, nodeName] of [['web', 'n1'], ['free', '']] as const)
    await post(base, { kind: 'Pod', metadata: { name }, spec: { ...(nodeName && { nodeName }), automountServiceAccountToken: false, containers: [{ name: 'main', image: 'x' }] } });
  node = all.connect('nodes');
  for (const op of ['exec', 'attach'])
    node.serveSessions(`kubus.v1.node.n1.${op}`, 'node', async (message, session) => {
      asked = message.body as ExecRequest;
      if (asked.command?.[0] === 'none') throw new ApiError('InternalError', 'container not found ("main")');
      void listen(session);
      void process(session);
    });
  node.serveSessions('kubus.v1.node.n1.logs', 'node', (_, session) => void process(session));
  node.serve('kubus.v1.node.n1.http', 'node', () => ({ reachable: true }));
  node.serve('kubus.v1.node.n1.dial', 'node', () => ({}));
  node.serveSessions('kubus.v1.node.n1.dial', 'node', (message, session) => {
    const { port } = message.body as { port: number };
    if (port === 81) throw new ApiError('InternalError', 'connect: connection refused');
    const stream = new SessionStream(session);
    stream.pipe(stream);
  });
}, 60_000); // prettier-ignore
afterAll(async () => {
  await all.stop();
  folder.remove();
});
beforeEach(() => {
  heard = [];
  asked = undefined;
  process = () => undefined;
});
async function listen(session: Session): Promise<void> {
  for await (const frame of session.frames()) heard.push(frame as StreamInput);
}
const asAdmin = () => ({ cert: pki.adminCert, key: pki.adminKey });
const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  httpsCall({ port: all.servers[0]!.port, ca: pki.ca, method, path, ...asAdmin(), headers: { ...(method === 'PATCH' && { 'content-type': 'application/merge-patch+json' }), ...headers } }, body); // prettier-ignore
const post = (path: string, body: object) => call('POST', path, { apiVersion: 'v1', ...body });

/** A client that speaks in channels, with all that it was sent. */
async function webSocket(path: string, protocol: string | string[]) {
  const socket = new WebSocket(`wss://127.0.0.1:${all.servers[0]!.port}${path}`, protocol, { ca: pki.ca, ...asAdmin() });
  const received: string[] = [];
  let closed: number | undefined;
  socket.on('message', (data: Buffer, isBinary) => {
    received.push(isBinary ? `${data[0]}:${data.toString('utf8', 1)}` : data.toString('utf8'));
  });
  socket.on('close', (code) => (closed = code));
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  return { socket, received, closed: () => closed };
} // prettier-ignore
/** A request to speak SPDY, and what came of it. */
function upgrade(path: string, headers: Record<string, string> = {}, method = 'POST') {
  return new Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]>; socket?: Duplex }>((resolve, reject) => {
    const asking = httpsRequest({ host: '127.0.0.1', port: all.servers[0]!.port, ca: pki.ca, ...asAdmin(), method, path, headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...headers } });
    asking.on('upgrade', (response, socket) => resolve({ status: 101, body: '', headers: response.headers, socket }));
    asking.on('response', (response) => void text(response).then((body) => resolve({ status: response.statusCode ?? 0, body, headers: response.headers })));
    asking.on('error', reject);
    asking.end();
  });
} // prettier-ignore
const V4 = { 'x-stream-protocol-version': 'v4.channel.k8s.io' };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const failure = { metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message: 'command terminated', details: { causes: [{ reason: 'ExitCode', message: '3' }] } } as const; // prettier-ignore
/** Says something on both outputs and ends. */
const speaks = async (session: Session): Promise<void> => {
  await session.send([1, bytes('out')]);
  await session.send([2, bytes('err')]);
  await session.send([3, failure]);
  session.close();
};
const FAILURE = '{"metadata":{},"status":"Failure","message":"command terminated","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}'; // prettier-ignore

describe('logs over a WebSocket', () => {
  const open = (protocols: string[]): WebSocket =>
    new WebSocket(`wss://127.0.0.1:${all.servers[0]!.port}${base}/web/log?follow=true`, protocols, { ca: pki.ca, ...asAdmin() }); // prettier-ignore
  it.each([
    [[], ['bytes ', 'bytes line 1\n', 'bytes line 2\n']],
    [['binary.k8s.io'], ['bytes ', 'bytes line 1\n', 'bytes line 2\n']],
    [
      ['unknown', 'base64.binary.k8s.io'],
      ['text ', 'text bGluZSAxCg==', 'text bGluZSAyCg=='],
    ],
  ])('come as messages to who offers %j, after an empty one', async (protocols, expected) => {
    process = async (session) => {
      await session.send(bytes('line 1\n'));
      await session.send(bytes('line 2\n'));
      session.close();
    };
    const received: string[] = [];
    const socket = open(protocols);
    socket.on('message', (data: Buffer, isBinary) => received.push(`${isBinary ? 'bytes' : 'text'} ${data.toString()}`)); // prettier-ignore
    const code = await new Promise((resolve, reject) => socket.on('close', resolve).on('error', reject));
    expect([received, code]).toEqual([expected, 1000]);
  });
  it('are refused to who speaks nothing of that', async () => {
    const refused = await new Promise((resolve) => open(['v4.channel.k8s.io']).on('error', resolve));
    expect(String(refused)).toContain('403');
  });
  it('end for the node when the client goes', async () => {
    let ended = false;
    process = (session) => void session.closed.then(() => (ended = true));
    const socket = open(['binary.k8s.io']);
    await new Promise((resolve) => socket.on('message', resolve));
    socket.terminate();
    await until(() => ended);
  });
});

describe('exec over a WebSocket', () => {
  it.each([
    ['v5.channel.k8s.io', ['1:', '1:out', '2:err', `3:${FAILURE}`]],
    ['v4.channel.k8s.io', ['1:', '1:out', '2:err', `3:${FAILURE}`]],
    ['channel.k8s.io', ['1:', '1:out', '2:err', '3:command terminated']],
    ['v4.base64.channel.k8s.io', ['1', '1b3V0', '2ZXJy', `3${Buffer.from(FAILURE).toString('base64')}`]],
  ])('speaks %s', async (protocol, expected) => {
    process = speaks;
    const { received, closed, socket } = await webSocket(exec, protocol);
    await until(() => closed() !== undefined);
    expect([socket.protocol, received, closed()]).toEqual([protocol, expected, 1000]);
    expect(asked).toMatchObject({ namespace: 'default', name: 'web', container: 'main', command: ['sh'], stdin: true, tty: false }); // prettier-ignore
  });
  it('hands on what is typed, its end, and the size of the terminal', async () => {
    const { socket } = await webSocket(`${exec}&tty=true`, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    socket.send(Buffer.from([0, ...bytes('ls')]));
    socket.send(Buffer.from([4, ...bytes('{"Width":80,"Height":24}')]));
    socket.send(Buffer.from([9, 1]));
    socket.send(Buffer.from([255, 0]));
    await until(() => heard.length === 3);
    expect(heard).toEqual([[0, bytes('ls')], [4, { width: 80, height: 24 }], [0, null]].map(([c, b]) => [c, b instanceof Uint8Array ? Buffer.from(b) : b])); // prettier-ignore
    expect(asked).toMatchObject({ stderr: false, tty: true });
    socket.terminate();
  });
  it('ends for the node when the client goes', async () => {
    let ended = false;
    process = (session) => void session.closed.then(() => (ended = true));
    const { socket } = await webSocket(exec, 'v4.channel.k8s.io');
    socket.close();
    await until(() => ended);
  });
  it('takes no protocol that is not spoken', async () => {
    await expect(webSocket(exec, 'v9.channel.k8s.io')).rejects.toThrow('403');
  });
});

describe('exec over SPDY', () => {
  it.each(['v4.channel.k8s.io', 'v2.channel.k8s.io'])('speaks %s', async (protocol) => {
    process = speaks;
    const { socket, headers } = await upgrade(exec, { 'x-stream-protocol-version': `v9.channel.k8s.io, ${protocol}` });
    expect(headers).toMatchObject({ upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol });
    const client = new SpdyConnection(socket!, false);
    const streams = await Promise.all(['error', 'stdin', 'stdout', 'stderr'].map((streamType) => client.open({ streamType })));
    const [error, , out, err] = await Promise.all(streams.map(async (stream, i) => (i === 1 ? '' : text(stream))));
    expect([out, err, error]).toEqual(['out', 'err', protocol.startsWith('v4') ? FAILURE : 'command terminated']);
    client.close();
  }); // prettier-ignore
  it('hands on what is typed and its end', async () => {
    const { socket } = await upgrade(exec, V4);
    const client = new SpdyConnection(socket!, false);
    const [, stdin] = await Promise.all(['error', 'stdin', 'stdout', 'stderr'].map((streamType) => client.open({ streamType }))); // prettier-ignore
    stdin!.end('typed');
    await until(() => heard.length === 2);
    expect(heard).toEqual([[0, Buffer.from('typed')], [0, null]]); // prettier-ignore
    client.abort();
  });
});

describe('a path of the kubelet, through the proxy of its node,', () => {
  const proxy = '/api/v1/nodes/n1/proxy';
  it('leads to a process', async () => {
    process = speaks;
    const { closed, received } = await webSocket(`${proxy}/exec/default/web/main?command=ls&output=1`, 'v5.channel.k8s.io'); // prettier-ignore
    await until(() => closed() !== undefined);
    expect(received).toEqual(['1:', '1:out', `3:${FAILURE}`]);
    expect(asked).toMatchObject({ name: 'web', container: 'main', command: ['ls'], stdout: true, stderr: false });
  });
  it('leads to ports', async () => {
    const { socket } = await upgrade(`${proxy}/portForward/default/web`, { 'x-stream-protocol-version': 'portforward.k8s.io' }); // prettier-ignore
    const client = new SpdyConnection(socket!, false);
    const [, data] = await Promise.all(['error', 'data'].map((streamtype) => client.open({ port: '80', requestid: '0', streamtype }))); // prettier-ignore
    data!.end('hello');
    expect(await text(data!)).toBe('hello');
    client.close();
  });
});

describe('ports', () => {
  const forward = `${base}/web/portforward`;
  it('are reached by pairs of streams, each connection by itself', async () => {
    const { socket } = await upgrade(forward, { 'x-stream-protocol-version': 'portforward.k8s.io' });
    const client = new SpdyConnection(socket!, false);
    const connections = [80, 81, 80].map(async (port, i) => {
      const headers = { port: String(port), requestid: String(i) };
      const errors = await client.open({ ...headers, streamtype: 'error' });
      errors.end();
      const data = await client.open({ ...headers, streamtype: 'data' });
      data.end(`hello ${i}`);
      return Promise.all([text(data), text(errors)]);
    });
    expect(await Promise.all(connections)).toEqual([['hello 0', ''], ['', 'connect: connection refused'], ['hello 2', '']]); // prettier-ignore
    await expect(client.open({ port: '0', streamtype: 'data' })).rejects.toThrow('refused');
    client.close();
  });
  it('are reached by channels that begin with their number', async () => {
    const { socket, received } = await webSocket(`${forward}?ports=80&ports=81`, 'v4.channel.k8s.io');
    await until(() => received.length >= 5);
    socket.send(Buffer.from([0, ...bytes('hello')]));
    await until(() => received.includes('0:hello'));
    expect(received.filter((m) => /^[0-3]:[PQ]/.test(m)).sort()).toEqual(['0:P\0', '1:P\0', '2:Q\0', '3:Q\0']);
    expect(received).toContain('3:connect: connection refused');
    socket.terminate();
  });
  it('have to be named by who cannot name them later', async () => {
    await expect(webSocket(forward, 'v4.channel.k8s.io')).rejects.toThrow('400');
  });
});

describe('who is not let in hears', () => {
  it.each([
    ['of a container that is not there', `${base}/web/exec?command=none&stdout=true`, V4, 500, 'container not found ("main")'],
    ['that nothing was asked for', `${base}/web/exec?command=sh`, V4, 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['which protocols there are', exec, { 'x-stream-protocol-version': 'v9' }, 403, 'unable to upgrade: unable to negotiate protocol: client supports [v9], server accepts [v4.channel.k8s.io v3.channel.k8s.io v2.channel.k8s.io channel.k8s.io]\n'],
  ])('%s', async (_, path, headers, status, body) => {
    expect(await upgrade(path, headers)).toMatchObject({ status, body });
  }); // prettier-ignore
  it.each([
    ['a container that the pod does not have', `${base}/web/exec?container=other&stdout=true`, 'container other is not valid for pod web'],
    ['a pod on no node', `${base}/free/exec?stdout=true`, 'pod free does not have a host assigned'],
  ])('a Status of %s', async (_, path, message) => {
    expect(JSON.parse((await upgrade(path, V4)).body)).toMatchObject({ reason: 'BadRequest', message });
  }); // prettier-ignore
  it('that an upgrade is needed', async () => {
    const { status, text: body } = await call('POST', exec);
    expect([status, JSON.parse(body)]).toMatchObject([400, { message: 'Upgrade request required' }]);
  });
  it('that getting is not enough to begin a process', async () => {
    await post('/api/v1/namespaces', { kind: 'Namespace', metadata: { name: 'default' } });
    const rules = [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['get'] }];
    await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { kind: 'ClusterRole', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'looks' }, rules });
    await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', { kind: 'ClusterRoleBinding', apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'looks' }, roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'looks' }, subjects: [{ kind: 'User', name: 'jane', apiGroup: 'rbac.authorization.k8s.io' }] });
    const answer = await upgrade(exec, { ...V4, 'impersonate-user': 'jane' }, 'GET');
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([403, { message: 'pods "web" is forbidden: ' }]);
    expect(asked).toBeUndefined();
  }); // prettier-ignore
});
