import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { SpdyConnection } from '../../../actors/runtime/spdy/connection.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { selfSigned } from '../certificates/self-signed.ts';
import { DOOR_DEFAULTS, type DoorConfiguration } from '../node/door-configuration.ts';
import { bench, type Bench } from '../testing/kubelet.ts';
import { startKubeletDoor, type KubeletDoor } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubus-door-'));
let pki: Awaited<ReturnType<typeof ensurePki>>;
let strangers: typeof pki;
beforeAll(async () => {
  pki = await ensurePki(join(folder, 'pki'), ['127.0.0.1'], Date.parse('2025-12-31T00:00:00Z'));
  strangers = await ensurePki(join(folder, 'others'), ['127.0.0.1'], Date.parse('2025-12-31T00:00:00Z'));
});
afterAll(() => rmSync(folder, { recursive: true }));

let b: Bench;
let door: KubeletDoor;
let root: string;
let authorities: string | undefined;
/** Subresources of nodes that the clients may get. */
let rights: string[];
let asked: string[];
/** As the API answers a node. */
const client = {
  get: async () => ({ data: authorities === undefined ? {} : { 'client-ca-file': authorities } }),
  create: async ({ resource }: { resource: string }, object: KubeObject & { spec: Record<string, unknown> }) => {
    asked.push(resource);
    const { token, resourceAttributes, user } = object.spec as Partial<Record<string, unknown>>;
    if (resource === 'tokenreviews')
      return { ...object, status: token === 'good' ? { authenticated: true, user: { username: 'bob' } } : { authenticated: false } }; // prettier-ignore
    if (resource !== 'subjectaccessreviews') throw new ApiError('Forbidden', 'no');
    const { subresource, verb } = resourceAttributes as { subresource: string; verb: string };
    return { ...object, status: { allowed: user !== 'nobody' && verb !== '' && rights.includes(subresource) } };
  },
} as unknown as ApiClient;
const begin = async (more: Partial<DoorConfiguration> = {}): Promise<void> => {
  b = await bench({}, undefined, {
    door: (node) =>
      (door = startKubeletDoor({
        world: node.world, client, node, root, addresses: () => b?.node().status?.addresses ?? [],
        configuration: { ...DOOR_DEFAULTS, address: '127.0.0.1', port: 0, ...more },
      })),
  }); // prettier-ignore
};
const opens = (): Promise<void> => vi.waitFor(() => expect(door.port()).toBeDefined(), 5_000);
beforeEach(async () => {
  root = mkdtempSync(join(folder, 'node-'));
  [authorities, rights, asked] = [pki.ca, ['proxy'], []];
});
afterEach(() => b.stop());

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly socket?: Duplex;
}
const GOOD = { authorization: 'Bearer good' };
function ask(path: string, headers: Record<string, string> = GOOD, more: object = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = httpsRequest({ host: '127.0.0.1', port: door.port(), path, headers, rejectUnauthorized: false, agent: false, ...more }); // prettier-ignore
    asking.on('upgrade', (_, socket) => resolve({ status: 101, body: '', socket }));
    asking.on('response', (response) => void text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)); // prettier-ignore
    asking.on('error', reject);
    asking.end();
  });
}
const asAdmin = () => ({ cert: pki.adminCert, key: pki.adminKey });

describe('the kubelet’s port', () => {
  beforeEach(async () => {
    await begin();
    await opens();
    await b.run('web', { containers: [{ name: 'main', image: 'app:1', ports: [{ containerPort: 8080 }] }] }, { logs: ['one', 'tick'] }); // prettier-ignore
    await b.world.until(() => b.pod('web')?.status?.phase === 'Running');
  });
  it.each<[what: string, path: string, headers: Record<string, string>, answer: Answer, more?: object]>([
    ['a page with a token', '/healthz', GOOD, { status: 200, body: 'ok' }],
    ['nothing', '/metrics', {}, { status: 401, body: 'Unauthorized' }],
    ['a bad token', '/metrics', { authorization: 'Bearer bad' }, { status: 401, body: 'Unauthorized' }],
    ['no right', '/metrics', GOOD, { status: 403, body: 'Forbidden (user=bob, verb=get, resource=nodes, subresource(s)=[metrics])\n' }],
    ['no verb', '/healthz', GOOD, { status: 403, body: '' }, { method: 'HEAD' }],
    ['no such page', '/none', {}, { status: 404, body: '404 page not found\n' }],
    ['no path', '/%zz', GOOD, { status: 400, body: '400 Bad Request' }],
    ['a log', '/containerLogs/default/web/main?tailLines=1', GOOD, { status: 200, body: 'tick\n' }],
    ['a command', '/run/default/web/main?cmd=echo+ran', GOOD, { status: 200, body: 'ran\n' }, { method: 'POST' }],
    ['exec in plain HTTP', '/exec/default/web/main?command=ls', GOOD, { status: 500, body: 'Upgrade request required\n' }],
    ['another protocol of a page', '/healthz', { ...GOOD, connection: 'Upgrade', upgrade: 'h2c' }, { status: 200, body: 'ok' }],
  ])('answers who shows or asks for %s', async (_, path, headers, answer, more) => {
    expect(await ask(path, headers, more)).toEqual(answer);
  }); // prettier-ignore
  it('believes certificates of the cluster’s authority, and of no other', async () => {
    expect(await ask('/healthz', {}, asAdmin())).toEqual({ status: 200, body: 'ok' });
    const stranger = { cert: strangers.adminCert, key: strangers.adminKey };
    expect((await ask('/healthz', {}, stranger)).status).toBe(401);
    // It may still be somebody by a token.
    expect((await ask('/healthz', GOOD, stranger)).status).toBe(200);
    expect(asked).not.toContain('configmaps');
  });
  it('hears within a minute that the authority is another one', async () => {
    authorities = strangers.ca;
    const stranger = { cert: strangers.adminCert, key: strangers.adminKey };
    await b.world.advance(60_000);
    expect((await ask('/healthz', {}, stranger)).status).toBe(401);
    await vi.waitFor(async () => expect((await ask('/healthz', {}, stranger)).status).toBe(200));
    expect((await ask('/healthz', {}, asAdmin())).status).toBe(401);
  });
  it('runs commands for who speaks in channels, and tells how they ended', async () => {
    const told = await new Promise<string[]>((resolve, reject) => {
      const got: string[] = [];
      const url = `wss://127.0.0.1:${door.port()}/exec/default/web/main?command=sh&command=-c&command=echo+hi%3B+exit+3&output=1`;
      const socket = new WebSocket(url, 'v5.channel.k8s.io', { rejectUnauthorized: false, headers: GOOD });
      socket.on('message', (data: Buffer) => got.push(`${data[0]}:${data.toString('utf8', 1)}`));
      socket.on('close', () => resolve(got));
      socket.on('error', reject);
    });
    expect(told).toEqual(['1:', '1:hi\n', expect.stringContaining('"reason":"ExitCode","message":"3"')]);
  });
  it('knows a browser by the token among its protocols', async () => {
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('good').toString('base64url')}`;
    const url = `wss://127.0.0.1:${door.port()}/exec/default/web/main?command=true&output=1`;
    const socket = new WebSocket(url, [protocol, 'v4.channel.k8s.io'], { rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
    expect(socket.protocol).toBe('v4.channel.k8s.io');
    socket.close();
  });
  it('forwards ports to who speaks SPDY', async () => {
    const headers = {
      ...GOOD,
      connection: 'Upgrade',
      upgrade: 'SPDY/3.1',
      'x-stream-protocol-version': 'portforward.k8s.io',
    };
    const { socket } = await ask('/portForward/default/web', headers, { method: 'POST' });
    const connection = new SpdyConnection(socket!, false, () => false);
    const open = (streamType: string) => connection.open({ streamType, port: '8080', requestID: '0' });
    const [errors, data] = await Promise.all([open('error'), open('data')]);
    errors.end();
    data.write('GET /hostname HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(await text(data)).toMatch(/\r\n\r\nweb$/);
    connection.close();
  });
  it.each([
    ['/exec/default/none/main?command=ls&output=1', 404, 'pod does not exist'],
    ['/exec/default/web/none?command=ls&output=1', 500, 'container not found ("none")'],
    ['/exec/default/web/main?command=ls', 400, 'you must specify at least 1 of stdin, stdout, stderr'],
    ['/portForward/default/web/another-uid', 404, 'pod not found'],
    ['/attach/default/web', 404, '404: Page Not Found'],
  ])('says why %s is no stream', async (path, status, body) => {
    const headers = { ...GOOD, connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' }; // prettier-ignore
    expect(await ask(path, headers)).toEqual({ status, body });
  });
  it('counts what it was asked', async () => {
    rights.push('metrics');
    await ask('/healthz');
    const { body } = await ask('/metrics');
    expect(body).toContain('kubelet_http_requests_total{long_running="false",method="GET",path="healthz",server_type="readwrite"} 1\n'); // prettier-ignore
    expect(body).toContain('kubelet_http_inflight_requests{long_running="false",method="GET",path="metrics",server_type="readwrite"} 1\n'); // prettier-ignore
  });
});

describe('what it shows', () => {
  const shown = (): string => readFileSync(join(root, 'pki', 'kubelet.crt'), 'utf8');
  it('it has signed itself, once', async () => {
    await begin();
    await opens();
    const first = shown();
    expect([new X509Certificate(first).subjectAltName, statSync(join(root, 'pki', 'kubelet.key')).mode & 0o777]).toEqual(['DNS:n1', 0o600]); // prettier-ignore
    await b.stop();
    await begin();
    await opens();
    expect(shown()).toBe(first);
  });
  it.each<[what: string, days: number, isKept: boolean]>([
    ['good for months', 330, true],
    ['about to end', 340, false],
  ])('is what it was while that is %s', async (_, days, isKept) => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const { cert, key } = selfSigned('n1', now - days * 86_400_000, [Uint8Array.of(1), Uint8Array.of(2)]);
    mkdirSync(join(root, 'pki'));
    writeFileSync(join(root, 'pki', 'kubelet.crt'), cert);
    writeFileSync(join(root, 'pki', 'kubelet.key'), key);
    await begin();
    await opens();
    expect(shown() === cert).toBe(isKept);
  });
  it('is another where its own is damaged', async () => {
    await begin();
    await opens();
    await b.stop();
    writeFileSync(join(root, 'pki', 'kubelet.key'), 'half');
    await begin();
    await opens();
    expect((await ask('/healthz')).status).toBe(200);
  });
  it('is nothing until the cluster has signed, and then nobody can speak with it', async () => {
    await begin({ serverTLSBootstrap: true });
    await opens();
    await vi.waitFor(() => expect(asked).toContain('certificatesigningrequests'));
    await expect(ask('/healthz')).rejects.toThrow(/handshake failure|alert/);
    expect(() => shown()).toThrow('ENOENT');
  });
  it('is what stands in files', async () => {
    const [tlsCertFile, tlsPrivateKeyFile] = [join(root, 'a.crt'), join(root, 'a.key')];
    writeFileSync(tlsCertFile, pki.adminCert);
    writeFileSync(tlsPrivateKeyFile, pki.adminKey);
    await begin({ tlsCertFile, tlsPrivateKeyFile });
    await opens();
    expect((await ask('/healthz')).status).toBe(200);
    expect(() => shown()).toThrow('ENOENT');
  });
});

it('it waits for a port that another has', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  await begin({ port: (other.address() as AddressInfo).port });
  await vi.waitFor(() => expect(JSON.stringify(b.world.complaints)).toContain('EADDRINUSE'));
  await new Promise((resolve) => other.close(resolve));
  await b.world.advance(60_000);
  await opens();
});
it('it does not open before it is known whose certificates of clients are believed', async () => {
  authorities = undefined;
  await begin();
  await b.world.advance(1_000);
  await vi.waitFor(() => expect(JSON.stringify(b.world.complaints)).toContain('the kubelet cannot listen yet'));
  expect(door.port()).toBeUndefined();
  authorities = pki.ca;
  await b.world.advance(60_000);
  await opens();
});
it('it stays shut where it is told to, and without debugging nothing reaches into containers', async () => {
  await begin({ enableServer: false });
  await b.world.advance(60_000);
  expect(door.port()).toBeUndefined();
  await b.stop();
  await begin({ enableDebuggingHandlers: false });
  await opens();
  expect(await ask('/run/default/web/main', GOOD, { method: 'POST' })).toEqual({ status: 405, body: 'Debug endpoints are disabled.\n' }); // prettier-ignore
  expect((await ask('/configz')).status).toBe(404);
  expect((await ask('/healthz')).status).toBe(200);
});
