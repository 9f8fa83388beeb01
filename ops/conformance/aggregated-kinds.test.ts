import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { configMaps, namespaces } from '../../actors/runtime/resources.ts';
import { startExtensionServer, type ExtensionServer } from '../../actors/apiserver/testing/extension-server.ts';
import { startServers, tempFolder, type TestServers } from '../../actors/apiserver/testing/servers.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { Namespace } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { ensurePki } from '../pki/pki.ts';
import { startControllerManager } from '../process/controller-manager.ts';

const GROUP = 'ext.example.com';
const services = { group: '', version: 'v1', resource: 'services' };
const apiServices = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
const folder = tempFolder();
let servers: TestServers;
let controllers: Component;
let extension: ExtensionServer;
let admin: ApiClient;

/** What the other server holds, by name; and those who watch it. */
const things = new Map<string, KubeObject>();
const watching = new Set<ServerResponse>();
let revision = 100;
function put(name: string, ownerReferences: object[] = []): KubeObject {
  const metadata = {
    name,
    namespace: 'team',
    uid: `uid-${name}`,
    resourceVersion: String(++revision),
    ownerReferences,
  };
  const thing = { apiVersion: `${GROUP}/v1`, kind: 'Thing', metadata } as unknown as KubeObject;
  things.set(name, thing);
  tell('ADDED', thing);
  return thing;
}
function remove(name: string): KubeObject | undefined {
  const thing = things.get(name);
  if (!things.delete(name)) return undefined;
  tell('DELETED', { ...thing!, metadata: { ...thing!.metadata, resourceVersion: String(++revision) } });
  return thing;
}
function tell(type: string, object: object): void {
  for (const response of watching) response.write(`${JSON.stringify({ type, object })}\n`);
}
function answer(request: IncomingMessage, response: ServerResponse, object: object, code = 200): void {
  request.resume();
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(object));
}
function serveAll(request: IncomingMessage, response: ServerResponse): void {
  if (request.method === 'DELETE') for (const name of things.keys()) remove(name);
  if (!request.url!.includes('watch=true'))
    return answer(request, response, { apiVersion: `${GROUP}/v1`, kind: 'ThingList', metadata: { resourceVersion: String(revision) }, items: [...things.values()] }); // prettier-ignore
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  watching.add(response);
  response.on('close', () => watching.delete(response));
}
const GONE = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', message: 'gone', code: 404 };
function serveOne(name: string): void {
  extension.on(`/apis/${GROUP}/v1/namespaces/team/things/${name}`, (request, response) => {
    const found = request.method === 'DELETE' ? remove(name) : things.get(name);
    answer(request, response, found ?? GONE, found === undefined ? 404 : 200);
  });
}

beforeAll(async () => {
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  servers = await startServers(1, pki, () => ({ frontProxy: { cert: pki.adminCert, key: pki.adminKey } }));
  const world = realWorld({ level: 'silent' });
  controllers = startControllerManager({ world, bus: servers.connect('controllers'), id: 'c', clusterCa: pki.ca });
  extension = await startExtensionServer({ cert: pki.serverCert, key: pki.serverKey }, GROUP);
  const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'watch'];
  const resources = [{ name: 'things', singularName: 'thing', kind: 'Thing', namespaced: true, verbs }];
  extension.on(`/apis/${GROUP}/v1`, (request, response) =>
    answer(request, response, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${GROUP}/v1`, resources }),
  );
  for (const path of ['things', 'namespaces/team/things']) extension.on(`/apis/${GROUP}/v1/${path}`, serveAll);
  for (const name of ['dependent', 'lost', 'parent']) serveOne(name);
  admin = servers.client('admin');
  await controllers.ready;
  const create = (object: object) => object as KubeObject;
  await admin.create(services, create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'ext', namespace: 'default' }, spec: { type: 'ExternalName', externalName: 'localhost' } })); // prettier-ignore
  await admin.create(apiServices, create({
    apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `v1.${GROUP}` },
    spec: { group: GROUP, version: 'v1', groupPriorityMinimum: 1000, versionPriority: 10, insecureSkipTLSVerify: true, service: { namespace: 'default', name: 'ext', port: extension.port } },
  })); // prettier-ignore
  await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  await vi.waitFor(() => expect(watching.size).toBeGreaterThan(0), { timeout: 15_000, interval: 20 });
}, 40_000);
afterAll(async () => {
  await controllers.stop();
  await servers.stop();
  await extension.stop();
  folder.remove();
});
const until = (check: () => Promise<void> | void): Promise<void> =>
  vi.waitFor(check, { timeout: 15_000, interval: 20 });
const isGone = async (pending: Promise<unknown>): Promise<void> =>
  expect(await pending.then(() => 'there', reasonOf)).toBe('NotFound');
const reference = (kind: string, apiVersion: string, { metadata }: KubeObject): object => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid,
});
const configMap = (name: string, ownerReferences: object[] = []): Promise<KubeObject> =>
  admin.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'team', ownerReferences } } as KubeObject); // prettier-ignore

describe('objects that another API server holds', () => {
  it('go when their owner is not there', async () => {
    put('lost', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'uid-nobody' }]);
    await until(() => expect([...things.keys()]).not.toContain('lost'));
  });
  it('go with their owner, which is of this server', async () => {
    const owner = await configMap('owner');
    put('dependent', [reference('ConfigMap', 'v1', owner)]);
    await admin.delete(configMaps, 'owner', 'team', { propagationPolicy: 'Background' });
    await until(() => expect([...things.keys()]).not.toContain('dependent'));
  });
  it('take with them what they own here', async () => {
    await configMap('child', [reference('Thing', `${GROUP}/v1`, put('parent'))]);
    await admin.get(configMaps, 'child', 'team');
    remove('parent');
    await until(() => isGone(admin.get(configMaps, 'child', 'team')));
  });
  it('go with their namespace', async () => {
    put('rest');
    await admin.delete(namespaces, 'team');
    await until(() => isGone(admin.get(namespaces, 'team')));
    expect([...things.keys()]).toEqual([]);
  });
  it('keep namespaces from going while nobody can tell whether there are any', async () => {
    await extension.stop();
    await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'late' } });
    await admin.delete(namespaces, 'late');
    const conditions = async () => (await admin.get<Namespace>(namespaces, 'late')).status?.conditions ?? [];
    await until(async () =>
      expect((await conditions()).find(({ reason }) => reason === 'DiscoveryFailed')?.message).toContain(
        `stale GroupVersion discovery: ${GROUP}/v1`,
      ),
    );
    await admin.delete(apiServices, `v1.${GROUP}`);
    await until(() => isGone(admin.get(namespaces, 'late')));
  });
});
