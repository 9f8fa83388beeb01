import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bus } from '../../bus/bus.ts';
import { ensurePki, type Pki } from '../../ops/pki/pki.ts';
import type { DeleteRequest } from '../../bus/protocol/etcd.ts';
import { etcd } from '../../bus/subjects.ts';
import { until } from '../../bus/testing/until.ts';
import type { DynamicObject, KubeObject, WatchEvent } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { configMaps, leases, namespaces, pods, serviceAccounts } from '../runtime/resources.ts';
import { httpsCall } from './testing/https-call.ts';
import { startServers, tempFolder, type TestServers } from './testing/servers.ts';

let all: TestServers;
let pki: Pki;
let admin: ApiClient;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(2, pki);
  admin = all.client('admin');
  // No controller makes it here, and pods need one.
  const metadata = { name: 'default', namespace: 'kube-public' };
  await admin.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata });
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});

let names = 0;
const configMap = (data: Record<string, string> = {}, metadata: object = {}): DynamicObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `c${names++}`, namespace: 'default', ...metadata },
  data,
});
const pod = (metadata: object = {}, spec: object = {}): DynamicObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `p${names++}`, namespace: 'kube-public', ...metadata },
  spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }], automountServiceAccountToken: false, ...spec },
});
const reason = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, reasonOf);
const nameOf = (o: KubeObject): string => o.metadata.name!;

describe('writes', () => {
  it('are seen by the next read, whichever server answers it', async () => {
    for (let i = 0; i < 30; i++) {
      const made = await admin.create(configMaps, configMap({ i: `${i}` }));
      const read = await admin.get<DynamicObject>(configMaps, nameOf(made), 'default');
      expect(read).toEqual(made);
      await admin.update(configMaps, { ...read, data: { i: 'changed' } });
      expect((await admin.get<DynamicObject>(configMaps, nameOf(made), 'default'))['data']).toEqual({ i: 'changed' });
      await admin.delete(configMaps, nameOf(made), 'default');
      expect(await reason(admin.get(configMaps, nameOf(made), 'default'))).toBe('NotFound');
    }
  });
  it('that delete at once succeed also where a kubelet is quicker', async () => {
    // Whoever hears that the pod is to go removes it before the server that has marked it does.
    const quicker = (bus: Bus): Bus => ({
      ...bus,
      async request(subject, body, options) {
        if (subject === etcd('delete')) {
          const { key } = body as DeleteRequest;
          await bus.request(subject, { key, id: `quick-${key}` } satisfies DeleteRequest);
        }
        return bus.request(subject, body, options);
      },
    });
    const one = await startServers(1, pki, () => ({}), quicker);
    try {
      const client = one.client('admin');
      const account = { name: 'default', namespace: 'kube-public' };
      await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
      const { metadata } = await client.create(pods, pod({}, { nodeName: 'n1' }));
      await client.delete(pods, metadata.name!, 'kube-public', { gracePeriodSeconds: 0 });
      expect(await reason(client.delete(pods, metadata.name!, 'kube-public'))).toBe('NotFound');
    } finally {
      await one.stop();
    }
  });
  it('of a stale version are refused', async () => {
    const made = await admin.create(configMaps, configMap({ a: '1' }));
    await admin.update(configMaps, { ...made, data: { a: '2' } });
    expect(await reason(admin.update(configMaps, { ...made, data: { a: '3' } }))).toBe('Conflict');
  });
  it('that change nothing keep the version', async () => {
    const made = await admin.create(configMaps, configMap({ a: '1' }));
    const metadata = { ...made.metadata, resourceVersion: undefined };
    const again = await admin.update(configMaps, { ...made, metadata });
    expect(again.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
  });
  it('by patch from many at once through two servers are all kept', async () => {
    const made = await admin.create(configMaps, configMap());
    const keys = Array.from({ length: 24 }, (_, i) => `k${i}`);
    await Promise.all(keys.map((k) => admin.patch(configMaps, nameOf(made), 'default', 'merge', { data: { [k]: k } })));
    const read = await admin.get<DynamicObject>(configMaps, nameOf(made), 'default');
    expect(Object.keys(read['data'] as object).sort()).toEqual(keys.sort());
  });
  it('in a dry run leave nothing behind', async () => {
    const object = configMap();
    await admin.create(configMaps, object, { dryRun: true });
    expect(await reason(admin.get(configMaps, nameOf(object), 'default'))).toBe('NotFound');
  });
  it('generate names that are free', async () => {
    const wanted = { name: undefined, generateName: 'gen-' };
    const made = await Promise.all(Array.from({ length: 10 }, () => admin.create(configMaps, configMap({}, wanted))));
    expect(new Set(made.map(nameOf)).size).toBe(10);
    expect(made.every((m) => /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(nameOf(m)))).toBe(true);
  });
  it('take the end of the name from who wants to ask for the same object again', async () => {
    const wanted = { name: undefined, generateName: 'again-' };
    const create = () => admin.create(configMaps, configMap({}, wanted), { nameEnd: 'x2z4b' });
    expect(nameOf(await create())).toBe('again-x2z4b');
    expect(await reason(create())).toBe('AlreadyExists');
    // It says nothing of a name that is given.
    const object = configMap();
    expect(nameOf(await admin.create(configMaps, object, { nameEnd: 'x2z4b' }))).toBe(nameOf(object));
  });
  it('of a deposed leader are refused', async () => {
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'leader', namespace: 'default' },
      spec: { holderIdentity: 'one', leaseTransitions: 3 },
    } as KubeObject;
    await admin.create(leases, lease);
    const fence = { lease: 'default/leader', holder: 'one', transitions: 3 };
    await admin.create(configMaps, configMap(), { fence });
    expect(await reason(admin.create(configMaps, configMap(), { fence: { ...fence, transitions: 2 } }))).toBe(
      'Conflict',
    );
    expect(await reason(admin.create(configMaps, configMap(), { fence: { ...fence, holder: 'two' } }))).toBe(
      'Conflict',
    );
  });
});

describe('watches of metadata alone', () => {
  it('carry what stands in it but for managedFields and annotations, of what is there and of what changes', async () => {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u' };
    const present = await admin.create(
      configMaps,
      configMap(
        { big: 'x' },
        { namespace: 'kube-node-lease', labels: { a: 'b' }, annotations: { c: 'd' }, ownerReferences: [owner] },
      ),
    );
    const controller = new AbortController();
    const seen: WatchEvent<DynamicObject>[] = [];
    const watching = (async () => {
      const options = { namespace: 'kube-node-lease', metadataOnly: true, signal: controller.signal };
      for await (const batch of admin.watch<DynamicObject>(configMaps, options))
        seen.push(...batch.filter(({ type }) => type !== 'BOOKMARK'));
    })().catch(() => undefined);
    await until(() => seen.length === 1);
    await admin.delete(configMaps, nameOf(present), 'kube-node-lease');
    await until(() => seen.length === 2);
    controller.abort();
    await watching;
    const { managedFields: _fields, annotations: _annotations, resourceVersion: _, ...metadata } = present.metadata;
    expect(metadata.ownerReferences).toEqual([owner]);
    for (const { object } of seen)
      expect(object).toEqual({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...metadata, resourceVersion: object.metadata.resourceVersion },
      });
    expect(seen.map(({ type }) => type)).toEqual(['ADDED', 'DELETED']);
  });
});

describe('who may', () => {
  it.each([
    ['scheduler', 'get', undefined],
    ['node:n1', 'get', 'Forbidden'],
    ['somebody', 'get', 'Forbidden'],
  ] as const)('%s may %s pods: %s', async (caller, _verb, expected) => {
    const made = await admin.create(pods, pod());
    expect(await reason(all.client(caller).get(pods, nameOf(made), 'kube-public'))).toBe(expected);
  });
});

it('a node follows what its pods name, each by its name, and nothing else', async () => {
  const made = await admin.create(configMaps, configMap({ a: '1' }, { namespace: 'kube-public' }));
  const other = await admin.create(configMaps, configMap({}, { namespace: 'kube-public' }));
  await admin.create(pods, pod({}, { nodeName: 'n1', volumes: [{ name: 'v', configMap: { name: nameOf(made) } }] }));
  const first = async (fieldSelector: string | undefined): Promise<string | undefined> => {
    const stop = new AbortController();
    try {
      for await (const events of all.client('node:n1').watch(configMaps, { namespace: 'kube-public', fieldSelector, signal: stop.signal }))
        return events[0]?.object.metadata.name;
    } catch (error) {
      return reasonOf(error);
    } finally {
      stop.abort();
    }
    return undefined;
  };
  expect(await first(`metadata.name=${nameOf(made)}`)).toBe(nameOf(made));
  expect(await first(`metadata.name=${nameOf(other)}`)).toBe('Forbidden');
  expect(await first(`metadata.name!=${nameOf(other)}`)).toBe('Forbidden');
  expect(await first(undefined)).toBe('Forbidden');
}); // prettier-ignore

describe('deletion', () => {
  it('waits for finalizers', async () => {
    const made = await admin.create(configMaps, configMap({}, { finalizers: ['example.com/wait'] }));
    await admin.delete(configMaps, nameOf(made), 'default');
    const marked = await admin.get(configMaps, nameOf(made), 'default');
    expect(marked.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, finalizers: ['example.com/wait'] });
    await admin.patch(configMaps, nameOf(made), 'default', 'merge', { metadata: { finalizers: null } });
    expect(await reason(admin.get(configMaps, nameOf(made), 'default'))).toBe('NotFound');
  });
  it('of a pod on a node waits for the grace period, and may be hastened', async () => {
    const made = await admin.create(pods, pod({}, { nodeName: 'n1', terminationGracePeriodSeconds: 7 }));
    await admin.delete(pods, nameOf(made), 'kube-public');
    const marked = await admin.get(pods, nameOf(made), 'kube-public');
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(7);
    await admin.delete(pods, nameOf(made), 'kube-public', { gracePeriodSeconds: 0 });
    expect(await reason(admin.get(pods, nameOf(made), 'kube-public'))).toBe('NotFound');
  });
  it.each([
    ['Orphan', ['orphan']],
    ['Foreground', ['foregroundDeletion']],
  ] as const)('with policy %s leaves a mark for the garbage collector', async (propagationPolicy, finalizers) => {
    const made = await admin.create(configMaps, configMap());
    await admin.delete(configMaps, nameOf(made), 'default', { propagationPolicy });
    expect((await admin.get(configMaps, nameOf(made), 'default')).metadata.finalizers).toEqual(finalizers);
  });
  it('with another uid is refused', async () => {
    const made = await admin.create(configMaps, configMap());
    const wrong = admin.delete(configMaps, nameOf(made), 'default', { preconditions: { uid: 'other' } });
    expect(await reason(wrong)).toBe('Conflict');
  });
  it('of a namespace goes through Terminating and its finalizer', async () => {
    const name = `ns${names++}`;
    await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await admin.delete(namespaces, name);
    const ns = await admin.get<DynamicObject>(namespaces, name);
    expect(ns['status']).toMatchObject({ phase: 'Terminating' });
    await admin.update(namespaces, { ...ns, spec: {} } as KubeObject, {
      name,
      subresource: 'finalize',
    });
    expect(await reason(admin.get(namespaces, name))).toBe('NotFound');
  });
});

describe('lists', () => {
  it('page through one consistent state while it changes', async () => {
    const labels = { page: 'yes' };
    for (let i = 0; i < 7; i++) await admin.create(configMaps, configMap({}, { name: `page-${i}`, labels }));
    const seen: string[] = [];
    let token: string | undefined;
    do {
      const page = await admin.list<KubeObject>(configMaps, {
        namespace: 'default',
        labelSelector: 'page=yes',
        limit: 2,
        ...(token && { continue: token }),
      });
      seen.push(...page.items.map(nameOf));
      token = page.metadata.continue || undefined;
      await admin.delete(configMaps, `page-${6 - seen.length / 2}`, 'default').catch(() => {});
      await admin.create(configMaps, configMap({}, { name: `page-${seen.length}-late`, labels }));
    } while (token !== undefined);
    expect(seen).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6']);
  });
  it('that are continued after the store forgot their revision are told so, though nothing changed, and how to go on', async () => {
    const labels = { late: 'yes' };
    for (let i = 0; i < 3; i++) await admin.create(configMaps, configMap({}, { name: `late-${i}`, labels }));
    const page = async (
      token = '',
    ): Promise<{ code?: number; metadata: { resourceVersion: string; continue: string }; items: KubeObject[] }> => {
      const path = `/api/v1/namespaces/default/configmaps?labelSelector=late%3Dyes&limit=2&continue=${token}`;
      const headers = { authorization: 'Bearer secret' };
      return JSON.parse((await httpsCall({ port: all.servers[0]!.port, path, ca: pki.ca, headers })).text) as never;
    };
    const { metadata } = await page();
    await admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'later' } });
    await all.connect('compactor').request(etcd('compact'), { revision: Number(metadata.resourceVersion) + 1 });
    const refused = await page(metadata.continue);
    expect(refused).toMatchObject({ code: 410, reason: 'Expired' });
    expect((await page(refused.metadata.continue)).items.map(nameOf)).toEqual(['late-2']);
  });
});

describe('watches', () => {
  it('give the state, then every change once and in order, though servers come and go', async () => {
    const labels = { watched: 'yes' };
    const before = await admin.create(configMaps, configMap({ n: '0' }, { name: 'w-before', labels }));
    const events: WatchEvent[] = [];
    const stop = new AbortController();
    const reader = (async () => {
      const watch = admin.watch(configMaps, {
        namespace: 'default',
        labelSelector: 'watched=yes',
        signal: stop.signal,
      });
      for await (const batch of watch) events.push(...batch.filter((e) => e.type !== 'BOOKMARK'));
    })().catch(() => {});
    await until(() => events.length === 1);
    const made = await admin.create(configMaps, configMap({ n: '1' }, { name: 'w-new', labels }));
    for (let i = 2; i < 30; i++)
      await admin.patch(configMaps, nameOf(made), 'default', 'merge', { data: { n: `${i}` } });
    await admin.patch(configMaps, 'w-before', 'default', 'merge', { metadata: { labels: null } });
    await admin.delete(configMaps, nameOf(made), 'default');
    await until(() => events.length === 32);
    stop.abort();
    await reader;
    expect(events[0]).toMatchObject({ type: 'ADDED', object: { metadata: { uid: before.metadata.uid } } });
    expect(events.slice(1, 3).map((e) => e.type)).toEqual(['ADDED', 'MODIFIED']);
    expect(events.slice(-2).map((e) => `${e.type} ${nameOf(e.object)}`)).toEqual(['DELETED w-before', 'DELETED w-new']);
    const versions = events.slice(1).map((e) => Number(e.object.metadata.resourceVersion));
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });
});

describe('a server cut off the bus', () => {
  it('says so, answers from memory what it may, and catches up before it answers the rest', async () => {
    const [server] = all.servers;
    const resource = server!.core.registry.lookup(configMaps)!;
    const before = await admin.create(configMaps, configMap({ n: '1' }));
    await until(() => server!.core.cache.entry(resource, 'default', nameOf(before)) !== undefined);
    all.setConnected(0, false);
    await until(() => server!.state() === 'degraded');
    await expect(server!.core.barrier()).rejects.toMatchObject({ status: { reason: 'ServiceUnavailable' } });
    const missed = await admin.create(configMaps, configMap({ n: '2' }));
    expect(server!.core.cache.entry(resource, 'default', nameOf(missed))).toBeUndefined();
    expect(server!.core.cache.entry(resource, 'default', nameOf(before))).toBeDefined();
    all.setConnected(0, true);
    await until(() => server!.core.barrier().then(() => true, () => false)); // prettier-ignore
    expect(server!.core.cache.entry(resource, 'default', nameOf(missed))).toBeDefined();
    await until(() => server!.state() === 'serving');
  });
});
