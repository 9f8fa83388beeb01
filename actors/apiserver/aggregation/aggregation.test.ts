import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { startExtensionServer, type ExtensionServer } from '../testing/extension-server.ts';
import { httpsCall } from '../testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';

const folder = tempFolder();
const GROUP = 'ext.example.com';
const API = '/apis/apiregistration.k8s.io/v1/apiservices';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
let pki: TestPki;
let all: TestServers;
let extension: ExtensionServer;

beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki, () => ({ frontProxy: { cert: pki.adminCert, key: pki.adminKey } }));
  extension = await startExtensionServer({ cert: pki.serverCert, key: pki.serverKey }, GROUP);
});
afterAll(async () => {
  await all.stop();
  await extension.stop();
  folder.remove();
});

interface Known {
  readonly items?: readonly { readonly metadata: { readonly name: string }; readonly versions: unknown }[];
  readonly status?: {
    readonly conditions?: readonly { readonly reason: string; readonly message: string; readonly status: string }[];
  };
  readonly [more: string]: unknown;
}
const port = (): number => all.servers[0]!.port;
async function ask(path: string, method = 'GET', body?: unknown, headers: Record<string, string> = {}) {
  const answer = await httpsCall(
    { port: port(), ca: pki.ca, cert: pki.adminCert, key: pki.adminKey, method, path, headers },
    body,
  );
  return { ...answer, json: () => JSON.parse(answer.text) as Known };
}
const create = async (path: string, object: object): Promise<void> => {
  const { status, text } = await ask(path, 'POST', object);
  expect(status, text).toBe(201);
};
const service = (name: string, spec: object) =>
  create('/api/v1/namespaces/default/services', { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
const external = (name: string) => service(name, { type: 'ExternalName', externalName: 'localhost' });
const register = (group: string, spec: object) =>
  create(API, {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${group}` },
    spec: { group, version: 'v1', groupPriorityMinimum: 18_500, versionPriority: 20, ...spec },
  });
const to = (name: string, at: number) => ({ service: { namespace: 'default', name, port: at } });
const conditionOf = async (group: string) => (await ask(`${API}/v1.${group}`)).json().status?.conditions?.[0];
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 8_000, interval: 20 });
const becomes = (group: string, reason: string, message: string | RegExp) =>
  until(async () =>
    expect(await conditionOf(group)).toMatchObject({ reason, message: expect.stringMatching(message) as string }),
  );

describe('a group that another server serves', () => {
  beforeAll(async () => {
    await external('ext');
    await register(GROUP, { ...to('ext', extension.port), insecureSkipTLSVerify: true });
    await becomes(GROUP, 'Passed', /^all checks passed$/);
  });

  it('is asked there, on behalf of the client, whom nobody else may name', async () => {
    extension.heard.length = 0;
    const headers = { 'X-Remote-User': 'mallory', 'X-Remote-Extra-Role': 'root', 'X-Remote-Group': 'bad' };
    const answer = await ask(`/apis/${GROUP}/v1/nothing?b=2&a=1`, 'GET', undefined, headers);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({ message: 'nothing here' });
    const heard = extension.heard.find(({ url }) => url.includes('nothing'))!;
    expect(heard.url).toBe(`/apis/${GROUP}/v1/nothing?a=1&b=2`);
    expect(heard.certificate).toBe('kubernetes-admin');
    expect(heard.headers).toMatchObject({
      host: `localhost:${extension.port}`,
      'x-forwarded-host': `localhost:${extension.port}`,
      'x-forwarded-proto': 'https',
      'x-forwarded-uri': `/apis/${GROUP}/v1/nothing`,
      'x-remote-user': 'kubernetes-admin',
      'x-remote-group': 'system:masters, system:authenticated',
    });
    expect(heard.headers).not.toHaveProperty('x-remote-extra-role');
    expect(heard.headers).not.toHaveProperty('authorization');
  });
  it('is not asked for those who may not', async () => {
    extension.heard.length = 0;
    const { status } = await httpsCall({ port: port(), ca: pki.ca, path: `/apis/${GROUP}/v1/things` });
    expect(status).toBe(403);
    expect(extension.heard.filter(({ url }) => url.includes('things'))).toEqual([]);
  });
  it('may not send clients elsewhere', async () => {
    extension.on(`/apis/${GROUP}/v1/moved`, (_, response) => response.writeHead(302, { location: '/x' }).end());
    const { status, text } = await ask(`/apis/${GROUP}/v1/moved`);
    expect([status, text]).toEqual([502, 'the backend attempted to redirect this request, which is not permitted']);
  });
  it('that hangs up is out of reach', async () => {
    extension.on(`/apis/${GROUP}/v1/cut`, (incoming) => incoming.socket.destroy());
    const { status, text, headers } = await ask(`/apis/${GROUP}/v1/cut`);
    expect([status, text]).toEqual([503, 'error trying to reach service: EOF\n']);
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
  });
  it('has its watches streamed, and broken off when it dies in between', async () => {
    let die = (): void => {};
    extension.on(`/apis/${GROUP}/v1/watched`, (incoming, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED"}\n');
      die = () => incoming.socket.destroy();
    });
    const outcome = await new Promise<string>((resolve, reject) => {
      const path = `/apis/${GROUP}/v1/watched?watch=1`;
      const outgoing = request({
        host: '127.0.0.1',
        port: port(),
        ca: pki.ca,
        cert: pki.adminCert,
        key: pki.adminKey,
        path,
        agent: false,
      });
      outgoing.on('response', (incoming) => {
        let got = '';
        incoming.on('data', (chunk: Buffer) => {
          got += chunk.toString();
          die();
        });
        incoming.on('error', (error: NodeJS.ErrnoException) => resolve(`${got}${error.code}`));
        incoming.on('end', () => resolve(`${got}ended`));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(outcome).toBe('{"type":"ADDED"}\nECONNRESET');
  });
  it('may be spoken to in another protocol', async () => {
    const said = await new Promise<string>((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade: 'echo', 'x-remote-user': 'mallory' };
      const path = `/apis/${GROUP}/v1/any?b=1&a=2`;
      const outgoing = request({
        host: '127.0.0.1',
        port: port(),
        ca: pki.ca,
        cert: pki.adminCert,
        key: pki.adminKey,
        path,
        headers,
        agent: false,
      });
      outgoing.on('upgrade', (_, socket, head) => {
        let got = head.toString();
        socket.write('hello');
        socket.on('data', (chunk: Buffer) => {
          got += chunk.toString();
          if (!got.endsWith('hello')) return;
          socket.destroy();
          resolve(got);
        });
      });
      outgoing.on('response', ({ statusCode }) => reject(new Error(`it answered ${statusCode}`)));
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(said).toBe(`/apis/${GROUP}/v1/any?a=2&b=1 kubernetes-admin\nhello`);
  });
  it('stands in discovery where its priority puts it', async () => {
    await until(async () => {
      const { items } = (await ask('/apis', 'GET', undefined, { accept: AGGREGATED })).json();
      expect(items![1]).toMatchObject({
        metadata: { name: GROUP },
        versions: [{ version: 'v1', freshness: 'Current', resources: [{ resource: 'things' }] }],
      });
    });
    expect(((await ask('/apis')).json()['groups'] as { name: string }[])[1]!.name).toBe(GROUP);
  });
  it('has its OpenAPI documents among the others', async () => {
    const path = `apis/${GROUP}/v1`;
    await until(async () => expect((await ask('/openapi/v3')).json()['paths']).toHaveProperty([path]));
    expect((await ask(`/openapi/v3/${path}`)).json()).toMatchObject({ info: { title: 'ext' } });
    const v2 = (await ask('/openapi/v2')).json() as { paths: object; definitions: object };
    expect(v2.paths).toHaveProperty([`/${path}/things`]);
    expect(v2.paths).toHaveProperty(['/api/v1/pods']);
    expect(Object.keys(v2.definitions)).toEqual(expect.arrayContaining(['Thing', 'Unused']));
    expect(v2.definitions).not.toHaveProperty('Other');
  });
  it('is said to be out of reach once it is', async () => {
    const other = await startExtensionServer({ cert: pki.serverCert, key: pki.serverKey }, 'dies.example.com');
    await external('dies');
    await register('dies.example.com', { ...to('dies', other.port), insecureSkipTLSVerify: true });
    await becomes('dies.example.com', 'Passed', /passed/);
    await other.stop();
    const { status, text } = await ask('/apis/dies.example.com/v1/things');
    expect(status).toBe(503);
    expect(text).toMatch(/^error trying to reach service: dial tcp .*: connect: connection refused\n$/);
  });
});

describe('the condition Available', () => {
  it('says that there is no service, no such port, nobody behind it', async () => {
    await register('none.example.com', to('none', 443));
    await becomes('none.example.com', 'ServiceNotFound', /^service\/none in "default" is not present$/);
    expect(await ask('/apis/none.example.com/v1/x')).toMatchObject({ status: 503, text: 'service unavailable\n' });
    await service('none', { ports: [{ port: 80 }] });
    await becomes('none.example.com', 'ServicePortError', /^service\/none in "default" is not listening on port 443$/);
    await ask('/api/v1/namespaces/default/services/none', 'DELETE');
    await service('none', { ports: [{ port: 443, name: 'https' }] });
    await becomes(
      'none.example.com',
      'EndpointsNotFound',
      /^cannot find endpointslices for service\/none in "default"$/,
    );
    const slice = (name: string, ports: object[]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports,
      metadata: { name, labels: { 'kubernetes.io/service-name': 'none' } },
    });
    await create(
      '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
      slice('none-1', [{ name: 'other', port: 1 }]),
    );
    await becomes(
      'none.example.com',
      'MissingEndpoints',
      /^endpointslices for service\/none in "default" have no addresses with port name "https"$/,
    );
  });
  it('is not there while nobody can be asked, as the authorities cannot be read', async () => {
    await external('unreadable');
    await register('unreadable.example.com', {
      ...to('unreadable', extension.port),
      caBundle: Buffer.from('hello').toString('base64'),
    });
    await external('after');
    await register('after.example.com', to('after', extension.port));
    await becomes('after.example.com', 'FailedDiscoveryCheck', /x509/);
    expect(await conditionOf('unreadable.example.com')).toBeUndefined();
  });
  it('says whose certificate it was, if a good one of another', async () => {
    await external('good');
    await register('good.example.com', {
      ...to('good', extension.port),
      caBundle: Buffer.from(pki.ca).toString('base64'),
    });
    await becomes(
      'good.example.com',
      'FailedDiscoveryCheck',
      /x509: certificate is valid for .*, not good.default.svc$/,
    );
  });
  it.each([
    [
      'wrong',
      {},
      /^failing or missing response from https:\/\/localhost:\d+\/apis\/wrong.example.com\/v1: Get "https:\/\/localhost:\d+\/apis\/wrong.example.com\/v1": tls: failed to verify certificate: x509: /,
    ],
    [
      'other',
      { insecureSkipTLSVerify: true },
      /^failing or missing response from (https:\/\/localhost:\d+\/apis\/other.example.com\/v1): bad status from \1: 404$/,
    ],
  ])('says why the %s server did not answer as it should', async (name, spec, message) => {
    await external(name);
    await register(`${name}.example.com`, { ...to(name, extension.port), ...spec });
    await becomes(`${name}.example.com`, 'FailedDiscoveryCheck', message);
  });
});

describe('APIServices of custom kinds', () => {
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'foos.custom.example.com' },
    spec: {
      group: 'custom.example.com',
      scope: 'Namespaced',
      names: { plural: 'foos', singular: 'foo', kind: 'Foo', listKind: 'FooList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  const path = `${API}/v1.custom.example.com`;
  const there = (uid?: string) =>
    until(async () => {
      const { status, json } = await ask(path);
      expect(status).toBe(200);
      const found = json() as { metadata: { uid: string }; spec: object };
      expect(found).toMatchObject({
        metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } },
        spec: { group: 'custom.example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 },
      });
      expect(found.metadata.uid).not.toBe(uid);
    });
  it('are made, made again, put right, and go with the last definition', async () => {
    await create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    await there();
    const { uid } = (await ask(path)).json()['metadata'] as { uid: string };
    await ask(path, 'DELETE');
    await there(uid);
    await ask(path, 'PATCH', { spec: { versionPriority: 7 } }, { 'content-type': 'application/merge-patch+json' });
    await there();
    await ask('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/foos.custom.example.com', 'DELETE');
    await until(async () => expect((await ask(path)).status).toBe(404));
  });
});
