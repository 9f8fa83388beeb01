import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Bus } from '../../../bus/bus.ts';
import { prefixEnd, type RangeResponse } from '../../../bus/protocol/etcd.ts';
import * as subjects from '../../../bus/subjects.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';
import type { EncryptionConfiguration } from './configuration.ts';

const key = (name: string) => ({ name, secret: new Uint8Array(32).fill(name.codePointAt(0)!) });
/** The second server has a new key; it can read what the first one wrote. */
const CONFIGURATIONS: readonly EncryptionConfiguration[] = [
  [{ resources: ['secrets'], providers: [{ kind: 'aesgcm', keys: [key('old')] }] }],
  [{ resources: ['secrets'], providers: [{ kind: 'aesgcm', keys: [key('new'), key('old')] }] }],
];
let all: TestServers;
let pki: TestPki;
let bus: Bus;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(2, pki, (i) => ({ encryption: { configuration: CONFIGURATIONS[i]!, randomBytes } }));
  bus = all.connect('looker');
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
interface Answer {
  readonly status: number;
  readonly json: {
    readonly message?: string;
    readonly metadata: { readonly resourceVersion: string };
    readonly data: unknown;
  };
}
async function call(server: number, method: string, name: string, body?: unknown): Promise<Answer> {
  const { ca, adminCert: cert, adminKey } = pki;
  const path = `/api/v1/namespaces/default/${name}`;
  const { status, text } = await httpsCall(
    { port: all.servers[server]!.port, ca, cert, key: adminKey, method, path },
    body,
  );
  return { status, json: JSON.parse(text) as Answer['json'] };
}
/** What the store has below a prefix, as text. */
async function stored(prefix: string): Promise<string[]> {
  const request = { key: prefix, rangeEnd: prefixEnd(prefix) };
  const { kvs } = await bus.request<RangeResponse>(subjects.etcd('range'), request, { timeoutMs: 2_000 });
  return kvs.map((kv) => Buffer.from(kv.value).toString('latin1'));
}
const secretOf = (name: string): object => ({ metadata: { name }, stringData: { word: 'abracadabra' } });
const PLAIN = Buffer.from('abracadabra').toString('base64');

it('keeps secrets encrypted in the store, and nothing else', async () => {
  expect((await call(0, 'POST', 'secrets', secretOf('a'))).status).toBe(201);
  expect((await call(0, 'POST', 'configmaps', { metadata: { name: 'a' }, data: { word: 'abracadabra' } })).status).toBe(
    201,
  );
  const [value] = await stored('/registry/secrets/default/a');
  expect(value).toMatch(/^k8s:enc:aesgcm:v1:old:/);
  expect(value).not.toContain(PLAIN);
  expect((await stored('/registry/configmaps/default/a'))[0]).toContain('abracadabra');
  for (const server of [0, 1]) expect((await call(server, 'GET', 'secrets/a')).json.data).toEqual({ word: PLAIN });
});
it('a replacement that changes nothing brings a value under the new key', async () => {
  await call(0, 'POST', 'secrets', secretOf('b'));
  const before = await call(1, 'GET', 'secrets/b');
  const replaced = await call(1, 'PUT', 'secrets/b', before.json);
  expect(replaced.status).toBe(200);
  expect(Number(replaced.json.metadata.resourceVersion)).toBeGreaterThan(Number(before.json.metadata.resourceVersion));
  expect((await stored('/registry/secrets/default/b'))[0]).toMatch(/^k8s:enc:aesgcm:v1:new:/);
  // Once more is no write.
  const again = await call(1, 'PUT', 'secrets/b', replaced.json);
  expect(again.json.metadata.resourceVersion).toBe(replaced.json.metadata.resourceVersion);
});
it('who lacks a key serves all else', async () => {
  expect((await call(1, 'POST', 'secrets', secretOf('c'))).status).toBe(201);
  await call(0, 'GET', 'configmaps/a');
  const get = await call(0, 'GET', 'secrets/c');
  expect([get.status, get.json.message]).toEqual([
    500,
    'Internal error occurred: unable to transform key "/registry/secrets/default/c": no matching key was found for the provided AES transformer',
  ]);
  expect((await call(0, 'GET', 'secrets')).status).toBe(500);
  expect((await call(0, 'GET', 'secrets/a')).status).toBe(200);
  expect((await call(0, 'POST', 'configmaps', { metadata: { name: 'later' } })).status).toBe(201);
  // It comes and goes unseen.
  expect((await call(1, 'DELETE', 'secrets/c')).status).toBe(200);
  expect((await call(0, 'GET', 'secrets/c')).status).toBe(404);
  expect((await call(0, 'GET', 'secrets')).status).toBe(500);
  await call(1, 'DELETE', 'secrets/b');
  expect((await call(0, 'GET', 'secrets')).status).toBe(200);
});
