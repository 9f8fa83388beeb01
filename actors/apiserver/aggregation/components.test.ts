import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ensurePki } from '../../../ops/pki/pki.ts';
import type { GroupVersionResource, KubeObject, WatchEvent } from '../../../schemas/meta/object.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import type { WatchOptions } from '../../runtime/api-client.ts';
import { startExtensionServer, type ExtensionServer } from '../testing/extension-server.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../testing/servers.ts';

const folder = tempFolder();
const GROUP = 'ext.example.com';
const things: GroupVersionResource = { group: GROUP, version: 'v1', resource: 'things' };
const PATH = `/apis/${GROUP}/v1/namespaces/team/things`;
const CONTROLLER = 'system:serviceaccount:kube-system:namespace-controller';
let pki: TestPki;
let all: TestServers;
let extension: ExtensionServer;

const controller = () => all.client('controller:namespace');
const admin = () => all.client('admin');
/** What it was asked besides discovery and documents. */
const heard = () => extension.heard.filter(({ url }) => url.startsWith(PATH));
const thing = (name: string, resourceVersion: string) => ({
  metadata: { name, namespace: 'team', uid: `uid-${name}`, resourceVersion, annotations: { big: 'x' }, managedFields: [] },
  spec: { size: 1 },
}); // prettier-ignore
const whole = (object: object) => ({ apiVersion: `${GROUP}/v1`, kind: 'Thing', ...object });
const json = (response: ServerResponse, object: object, code = 200): void =>
  void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(object));
const bodyOf = async (request: IncomingMessage): Promise<unknown> => {
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) text += chunk.toString();
  return text === '' ? undefined : JSON.parse(text);
};
const failure = (pending: Promise<unknown>) =>
  pending.then((value) => expect.fail(`no error but ${JSON.stringify(value)}`), statusOf);

beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki, () => ({ frontProxy: { cert: pki.adminCert, key: pki.adminKey } }));
  extension = await startExtensionServer({ cert: pki.serverCert, key: pki.serverKey }, GROUP);
  const services = { group: '', version: 'v1', resource: 'services' };
  const apis = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
  const service = { metadata: { name: 'ext', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'localhost' } };
  await admin().create(services, { apiVersion: 'v1', kind: 'Service', ...service });
  for (const [group, port] of [[GROUP, extension.port], ['gone.example.com', 1]] as const)
    await admin().create(apis, {
      apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `v1.${group}` },
      spec: { group, version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10, insecureSkipTLSVerify: true, service: { namespace: 'default', name: 'ext', port } },
    } as KubeObject);
  const reasonsOf = async (group: string) => JSON.stringify(await admin().get(apis, `v1.${group}`));
  await vi.waitFor(async () => expect(await reasonsOf(GROUP)).toContain('"Passed"'), { timeout: 8_000, interval: 20 });
  await vi.waitFor(async () => expect(await reasonsOf('gone.example.com')).toContain('"FailedDiscoveryCheck"'), { timeout: 8_000, interval: 20 });
}); // prettier-ignore
beforeEach(() => void (extension.heard.length = 0));
afterAll(async () => {
  await all.stop();
  await extension.stop();
  folder.remove();
});

describe('a component that asks for what another API server serves', () => {
  it('is told what that says, which is told who asks', async () => {
    extension.on(`${PATH}/a`, (_, response) => json(response, whole(thing('a', '7'))));
    expect(await controller().get(things, 'a', 'team')).toEqual(whole(thing('a', '7')));
    const { headers, certificate, url } = heard()[0]!;
    expect([certificate, url]).toEqual(['kubernetes-admin', `${PATH}/a`]);
    expect(headers).toMatchObject({
      'x-remote-user': CONTROLLER,
      'x-remote-group': 'system:serviceaccounts, system:serviceaccounts:kube-system, system:authenticated',
      'user-agent': 'kube-controller-manager',
      host: `localhost:${extension.port}`,
    });
  });
  it('hears what a version of a group has', async () => {
    const found = await controller().get({ group: GROUP, version: 'v1', resource: '' }, '');
    expect(found).toMatchObject({ kind: 'APIResourceList', groupVersion: `${GROUP}/v1` });
  });
  it('lists, and learns of what kind the items are', async () => {
    const list = { apiVersion: `${GROUP}/v1`, kind: 'ThingList', metadata: { resourceVersion: '9', continue: 'c' }, items: [thing('a', '7')] };
    extension.on(PATH, (_, response) => json(response, list));
    const found = await controller().list(things, { namespace: 'team', labelSelector: 'b=c', limit: 1 });
    expect(found).toEqual({ ...list, items: [whole(thing('a', '7'))] });
    expect(heard()[0]!.url).toBe(`${PATH}?labelSelector=b%3Dc&limit=1`);
    extension.on(PATH, (_, response) => json(response, { kind: 'ThingList', apiVersion: `${GROUP}/v1`, metadata: {}, items: null }));
    expect((await controller().list(things, { namespace: 'team' })).items).toEqual([]);
  }); // prettier-ignore
  it.each([
    ['creates', 'POST', PATH, 'application/json', () => admin().create(things, whole(thing('a', '')) as KubeObject), whole(thing('a', ''))],
    ['updates', 'PUT', `${PATH}/a`, 'application/json', () => admin().update(things, whole(thing('a', '7')) as KubeObject), whole(thing('a', '7'))],
    ['patches', 'PATCH', `${PATH}/a`, 'application/merge-patch+json', () => admin().patch(things, 'a', 'team', 'merge', { spec: { size: 2 } }), { spec: { size: 2 } }],
    ['deletes', 'DELETE', `${PATH}/a`, 'application/json', () => controller().delete(things, 'a', 'team', { propagationPolicy: 'Background' }), { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' }],
    ['deletes all', 'DELETE', PATH, 'application/json', () => controller().deleteCollection(things, 'team', { propagationPolicy: 'Background' }), { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' }],
  ])('%s', async (_, method, path, type, act: () => Promise<unknown>, sent) => {
    const got: unknown[] = [];
    extension.on(path, (request, response) => {
      void bodyOf(request).then((body) => {
        got.push(request.method, request.headers['content-type'], body);
        json(response, whole(thing('a', '8')));
      });
    });
    await act();
    expect(got).toEqual([method, type, sent]);
  }); // prettier-ignore
  it.each([
    ['its Status', 409, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Conflict', message: 'it has changed', code: 409 }, { reason: 'Conflict', message: 'it has changed', code: 409 }],
    ['what its code says', 404, { any: 'thing' }, { reason: 'NotFound', message: 'the server could not find the requested resource (get things.ext.example.com bad)', code: 404 }],
  ])('hears %s when it refuses', async (_, code, answer, expected) => {
    extension.on(`${PATH}/bad`, (_request, response) => json(response, answer, code));
    expect(await failure(controller().get(things, 'bad', 'team'))).toMatchObject(expected);
  }); // prettier-ignore
  it('hears that the server hung up, or is out of reach', async () => {
    extension.on(`${PATH}/cut`, (incoming) => incoming.socket.destroy());
    expect(await failure(controller().get(things, 'cut', 'team'))).toMatchObject({
      reason: 'ServiceUnavailable',
      message: 'error trying to reach service: EOF',
    });
    expect(await failure(controller().list({ ...things, group: 'gone.example.com' }))).toMatchObject({
      reason: 'ServiceUnavailable',
      message: 'the server is currently unable to handle the request (get things.gone.example.com)',
    });
  });
  it('is not let through without the right to', async () => {
    expect(await failure(all.client('node:n1').get(things, 'a', 'team'))).toMatchObject({ reason: 'Forbidden' });
    expect(heard()).toEqual([]);
  });
});

describe('a component that watches what another API server serves', () => {
  /** Takes batches until `count` events have come, or the watch has ended. */
  async function watched(count: number, o: WatchOptions = {}): Promise<{ events: WatchEvent[]; end: unknown }> {
    const stop = new AbortController();
    const events: WatchEvent[] = [];
    try {
      for await (const batch of controller().watch(things, { namespace: 'team', signal: stop.signal, ...o })) {
        events.push(...batch);
        if (events.length >= count) break;
      }
      return { events, end: undefined };
    } catch (error) {
      return { events, end: statusOf(error) };
    }
  }
  const serve = (watching: (request: IncomingMessage, response: ServerResponse) => void): void =>
    extension.on(PATH, (request, response) => {
      if (request.url!.includes('watch=true')) return watching(request, response);
      json(response, {
        apiVersion: `${GROUP}/v1`,
        kind: 'ThingList',
        metadata: { resourceVersion: '9' },
        items: [thing('a', '7')],
      });
    });
  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

  it('gets what is there, then what happens, however it is cut', async () => {
    let closed = false;
    serve((request, response) => {
      request.socket.on('close', () => (closed = true));
      const text = line('MODIFIED', whole(thing('a', '10'))) + line('DELETED', whole(thing('a', '11')));
      response.writeHead(200, { 'content-type': 'application/json' }).write(text.slice(0, 50));
      setImmediate(() => response.write(text.slice(50)));
    });
    const { events } = await watched(4);
    expect(events.map(({ type, object: { metadata } }) => [type, metadata.resourceVersion])).toEqual([
      ['ADDED', '7'],
      ['BOOKMARK', '9'],
      ['MODIFIED', '10'],
      ['DELETED', '11'],
    ]);
    expect(events[1]!.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
    expect(heard().at(-1)!.url).toBe(`${PATH}?allowWatchBookmarks=true&resourceVersion=9&watch=true`);
    await vi.waitFor(() => expect(closed).toBe(true));
  });
  it('gets metadata alone if it wants no more, and goes on from a revision', async () => {
    serve((_, response) => response.writeHead(200).write(line('MODIFIED', whole(thing('a', '10')))));
    const { events } = await watched(1, { metadataOnly: true, resourceVersion: '9' });
    const metadata = { name: 'a', namespace: 'team', uid: 'uid-a', resourceVersion: '10' };
    expect(events).toEqual([{ type: 'MODIFIED', object: whole({ metadata }) }]);
    expect(heard().map(({ url }) => url)).toEqual([`${PATH}?allowWatchBookmarks=true&resourceVersion=9&watch=true`]);
  });
  it.each([
    ['the version is too old', line('ERROR', { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Expired', message: 'too old', code: 410 }), { reason: 'Expired', code: 410 }],
    ['it sends nonsense', line('WHATEVER', {}), { reason: 'InternalError' }],
  ])('learns that %s', async (_, text, expected) => {
    serve((_request, response) => response.writeHead(200).write(text));
    expect((await watched(1, { resourceVersion: '1' })).end).toMatchObject(expected);
  }); // prettier-ignore
  it('learns that the server died', async () => {
    serve((request, response) => {
      response.writeHead(200).write(line('ADDED', whole(thing('a', '10'))), () => request.socket.destroy());
    });
    expect((await watched(2, { resourceVersion: '9' })).end).toMatchObject({ reason: 'ServiceUnavailable' });
  });
  it('learns that it may not', async () => {
    extension.on(PATH, (_, response) => json(response, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'Forbidden', message: 'not you', code: 403 }, 403));
    expect((await watched(1)).end).toMatchObject({ reason: 'Forbidden', message: 'not you' });
  }); // prettier-ignore
});
