import { request as httpsRequest, type RequestOptions } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { until } from '../../../../bus/testing/until.ts';
import { httpsCall } from '../../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

let all: TestServers;
let pki: TestPki;
let foreign: TestPki;
const folder = tempFolder();
const other = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  foreign = await ensurePki(other.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki);
});
afterAll(async () => {
  await all.stop();
  folder.remove();
  other.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: { readonly [key: string]: unknown };
}
const base = '/api/v1/namespaces/default/configmaps';
const asAdmin = (): RequestOptions => ({ cert: pki.adminCert, key: pki.adminKey });
async function call(
  method: string,
  path: string,
  body?: unknown,
  options: RequestOptions = asAdmin(),
): Promise<Answer> {
  const answer = await httpsCall({ port: all.servers[0]!.port, ca: pki.ca, method, path, ...options }, body);
  return {
    ...answer,
    get json() {
      return JSON.parse(answer.text) as Answer['json'];
    },
  };
}
const configMap = (name: string, data = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

describe('requests', () => {
  it('are created, read, listed and deleted', async () => {
    expect((await call('POST', base, configMap('one', { a: 'b' }))).status).toBe(201);
    const got = await call('GET', `${base}/one`);
    expect(got.json).toMatchObject({ kind: 'ConfigMap', apiVersion: 'v1', data: { a: 'b' } });
    expect(got.headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    const list = await call('GET', base);
    expect(list.json).toMatchObject({ kind: 'ConfigMapList' });
    const items = list.json['items'] as Record<string, unknown>[];
    expect(items.every((i) => i['kind'] === undefined)).toBe(true);
    expect(items.some((i) => (i['metadata'] as { name: string }).name === 'one')).toBe(true);
    expect((await call('DELETE', `${base}/one`)).json).toMatchObject({ kind: 'Status', status: 'Success' });
  });
  it.each([
    ['an unknown object', 'GET', `${base}/none`, undefined, {}, 404, 'NotFound'],
    ['an unknown resource', 'GET', '/api/v1/widgets', undefined, {}, 404, 'NotFound'],
    ['a method that is not served', 'PUT', base, configMap('x'), {}, 405, 'MethodNotAllowed'],
    ['JSON cut short', 'POST', base, '{', {}, 400, 'BadRequest'],
    ['invalid UTF-8', 'POST', base, Buffer.from([0x22, 0xff, 0x22]), {}, 400, 'BadRequest'],
    ['nesting without end', 'POST', base, `{"data":${'['.repeat(11_000)}${']'.repeat(11_000)}}`, {}, 400, 'BadRequest'],
    ['a body too large', 'POST', base, `{"data":"${'x'.repeat(3 * 1024 * 1024)}"}`, {}, 413, 'RequestEntityTooLarge'],
    ['an unknown type', 'POST', base, '<a/>', { 'content-type': 'application/xml' }, 415, 'UnsupportedMediaType'],
    ['an unknown Accept', 'GET', base, undefined, { accept: 'application/xml' }, 406, 'NotAcceptable'],
    [
      'a wrong kind',
      'POST',
      base,
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } },
      {},
      400,
      'BadRequest',
    ],
    ['a bad selector', 'GET', `${base}?labelSelector=%3D`, undefined, {}, 400, 'BadRequest'],
    ['a version not reached', 'GET', `${base}?resourceVersion=99999999`, undefined, {}, 504, 'Timeout'],
  ] as const)('of %s get the Status', async (_what, method, path, body, headers, code, reason) => {
    const answer = await call(method, path, body, { ...asAdmin(), headers });
    expect([answer.status, answer.json['reason']]).toEqual([code, reason]);
    expect((await call('GET', '/readyz')).text).toBe('ok');
  });
  it('in YAML are understood and answered', async () => {
    const headers = { 'content-type': 'application/yaml', accept: 'application/yaml' };
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  yes: "1"\n';
    const answer = await call('POST', base, yaml, { ...asAdmin(), headers });
    expect(answer.status).toBe(201);
    expect(answer.headers['content-type']).toBe('application/yaml');
    expect(answer.text).toContain('\n  name: yaml\n');
  });
  it('come back as tables when asked', async () => {
    await call('POST', base, configMap('tabled', { a: '1', b: '2' }));
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const { json } = await call('GET', `${base}/tabled`, undefined, { ...asAdmin(), headers });
    expect(json).toMatchObject({ kind: 'Table', rows: [{ cells: ['tabled', 2, expect.any(String)] }] });
  });
});

describe('credentials', () => {
  it.each([
    ['none', {}, {}, 403, 'system:anonymous'],
    ['a token', {}, { authorization: 'Bearer secret' }, 200, ''],
    ['a wrong token', {}, { authorization: 'Bearer wrong' }, 401, 'Unauthorized'],
  ] as const)('%s', async (_what, tls, headers, code, text) => {
    const answer = await call('GET', base, undefined, { ...tls, headers });
    expect(answer.status).toBe(code);
    expect(answer.text).toContain(text);
  });
  it('of a foreign authority are nobody’s', async () => {
    const answer = await call('GET', base, undefined, { cert: foreign.adminCert, key: foreign.adminKey });
    expect([401, 403]).toContain(answer.status);
  });
  it('may stand for somebody else', async () => {
    const headers = { 'impersonate-user': 'jane', 'impersonate-group': ['a', 'b'] };
    const answer = await call('GET', base, undefined, { ...asAdmin(), headers });
    expect(answer.json['message']).toContain('User "jane" cannot list resource');
  });
});

describe('watches', () => {
  it('stream events in chunks, on both protocols', async () => {
    const path = `${base}?watch=true&fieldSelector=metadata.name%3Dwatched`;
    const lines = { one: '', two: '' };
    const h1 = httpsRequest({
      host: '127.0.0.1', port: all.servers[0]!.port, ca: pki.ca, path, agent: false, ...asAdmin(),
    }); // prettier-ignore
    h1.on('response', (r) => r.on('data', (c: Buffer) => (lines.one += c.toString())));
    h1.on('error', () => {});
    h1.end();
    const session = connectHttp2(all.servers[0]!.url, { ca: pki.ca, cert: pki.adminCert, key: pki.adminKey });
    const stream = session.request({ ':path': path });
    let opened = 0;
    h1.on('response', () => opened++);
    stream.on('response', () => opened++);
    stream.on('data', (c: Buffer) => (lines.two += c.toString()));
    await until(() => opened === 2);
    await call('POST', base, configMap('watched', { n: '1' }));
    await call('DELETE', `${base}/watched`);
    const types = (text: string): string[] => text.split('\n').filter(Boolean).map((l) => (JSON.parse(l) as { type: string }).type); // prettier-ignore
    await until(() => types(lines.one).length === 2 && types(lines.two).length === 2);
    expect([types(lines.one), types(lines.two)]).toEqual([['ADDED', 'DELETED'], ['ADDED', 'DELETED']]); // prettier-ignore
    h1.destroy();
    session.destroy();
  });
  it('of a forgotten version say so and end', async () => {
    const answer = await call('GET', `${base}?watch=true&resourceVersion=1&timeoutSeconds=5`);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text.split('\n')[0]!)).toMatchObject({
      type: expect.stringMatching(/ERROR|ADDED/) as string,
    });
  });
  it('end after the time they asked for', async () => {
    const answer = await call('GET', `${base}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dnobody`);
    expect([answer.status, answer.text]).toEqual([200, '']);
  });
});

it('a watch over a WebSocket tells each event as a message, and closes when its time is over', async () => {
  await call('POST', base, configMap('over-socket'));
  const socket = (headers: Record<string, string>): WebSocket =>
    new WebSocket(`wss://127.0.0.1:${all.servers[0]!.port}${base}?watch=1&fieldSelector=metadata.name%3Dover-socket&timeoutSeconds=1`, { ca: pki.ca, cert: pki.adminCert, key: pki.adminKey, headers }); // prettier-ignore
  const open = socket({ origin: 'https://example.com' });
  const events: string[] = [];
  open.on('message', (data: Buffer) => events.push((JSON.parse(data.toString()) as { type: string }).type));
  const code = await new Promise<number>((resolve, reject) => open.on('close', resolve).on('error', reject));
  expect([events, code]).toEqual([['ADDED'], 1000]);
  // Browsers say where they come from; who does not is no browser.
  const refused = await new Promise<Error>((resolve) => socket({}).on('error', resolve));
  expect(refused.message).toContain('403');
});

it('ends the watch of a reader that does not read, as answers end, and serves the others', async () => {
  const socket = connectTls({
    host: '127.0.0.1', port: all.servers[0]!.port, ca: pki.ca, cert: pki.adminCert, key: pki.adminKey,
  }); // prettier-ignore
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  socket.write(`GET ${base}?watch=true&fieldSelector=metadata.name%3Dbig HTTP/1.1\r\nHost: x\r\n\r\n`);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.pause();
  const watchers = (): number => {
    const { core } = all.servers[0]!;
    return core.cache.of(core.registry.lookup({ group: '', version: 'v1', resource: 'configmaps' })!).watchers.count;
  };
  const before = watchers();
  await call('POST', base, configMap('big', { n: 'x' }));
  for (let i = 0; i < 60 && watchers() === before; i++)
    await call('PUT', `${base}/big`, configMap('big', { n: `${i}${'x'.repeat(900_000)}` }));
  expect(watchers()).toBe(before - 1);
  expect((await call('GET', `${base}/big`)).status).toBe(200);
  // Who was only busy finds a whole answer when he reads on.
  let end = '';
  socket.on('data', (chunk: Buffer) => (end = (end + chunk.toString('latin1')).slice(-7)));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.resume();
  await closed;
  expect(end).toBe('\r\n0\r\n\r\n');
});

it('survives what is no HTTP', async () => {
  const socket = connectTls({ host: '127.0.0.1', port: all.servers[0]!.port, ca: pki.ca });
  let text = '';
  socket.on('data', (c: Buffer) => (text += c.toString()));
  socket.on('error', () => {});
  socket.write('EHLO mail\r\n\r\n');
  await until(() => text.includes('400'));
  expect((await call('GET', '/readyz')).status).toBe(200);
});
