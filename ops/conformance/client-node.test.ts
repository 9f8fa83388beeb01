import {
  ApiException, AppsV1Api, BatchV1Api, CoreV1Api, Health, KubeConfig, KubernetesObjectApi, makeInformer, Metrics,
  PatchStrategy, RbacAuthorizationV1Api, setHeaderOptions, VersionApi, Watch,
  type V1ConfigMap, type V1SecretList, type V1Status,
} from '@kubernetes/client-node'; // prettier-ignore
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, upForTest, type TestCluster } from '../testing/cluster.ts';

const namespace = 'default';
let cluster: TestCluster;
let dir: string;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-client-'));
  cluster = await upForTest(['--nodes', '1', '--wait'], { dir });
  config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const configMap = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { suite: 'client' } }, data,
}); // prettier-ignore
/** The exception that a call ends with, and the Status in its body. */
async function refusal(call: Promise<unknown>): Promise<{ code: number; status: V1Status }> {
  const error = await call.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ApiException);
  const { code, body } = error as ApiException<string | V1Status>;
  return { code, status: typeof body === 'string' ? (JSON.parse(body) as V1Status) : body };
}

describe('typed calls', () => {
  it('create, read, replace and delete', async () => {
    const created = await core.createNamespacedConfigMap({ namespace, body: configMap('crud', { a: '1' }) });
    expect(created.metadata!.creationTimestamp).toBeInstanceOf(Date);
    expect(created.metadata!.uid).toMatch(/^[0-9a-f-]{36}$/);
    const read = await core.readNamespacedConfigMap({ namespace, name: 'crud' });
    expect(read).toEqual(created);
    read.data = { a: '2' };
    const replaced = await core.replaceNamespacedConfigMap({ namespace, name: 'crud', body: read });
    expect(replaced.data).toEqual({ a: '2' });
    expect(Number(replaced.metadata!.resourceVersion)).toBeGreaterThan(Number(created.metadata!.resourceVersion));
    expect(await core.deleteNamespacedConfigMap({ namespace, name: 'crud' })).toMatchObject({ status: 'Success' });
    expect((await refusal(core.readNamespacedConfigMap({ namespace, name: 'crud' }))).code).toBe(404);
  });
  it('fill in the types of other groups', async () => {
    const job = await config.makeApiClient(BatchV1Api).createNamespacedJob({
      namespace,
      body: {
        metadata: { name: 'typed' },
        spec: {
          suspend: true,
          template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }] } },
        },
      },
    });
    expect(job.spec).toMatchObject({ backoffLimit: 6, parallelism: 1, completions: 1, completionMode: 'NonIndexed' });
    const roles = await config.makeApiClient(RbacAuthorizationV1Api).listClusterRole();
    expect(roles.items.map((r) => r.metadata!.name)).toContain('cluster-admin');
    expect((await core.listNode()).items[0]!.status!.nodeInfo!.kubeletVersion).toMatch(/^v1\.36\./);
  });
  it('page through a list', async () => {
    await core.createNamespace({ body: { metadata: { name: 'pages' } } });
    const inPages = { namespace: 'pages' };
    const names = Array.from({ length: 25 }, (_, i) => `page-${String(i).padStart(2, '0')}`);
    await Promise.all(names.map((name) => core.createNamespacedSecret({ ...inPages, body: { metadata: { name } } })));
    const seen: string[] = [];
    const versions = new Set<string>();
    let _continue: string | undefined;
    do {
      const page: V1SecretList = await core.listNamespacedSecret({
        ...inPages,
        limit: 10,
        ...(_continue && { _continue }),
      });
      // What is written meanwhile does not move the pages.
      await core.createNamespacedSecret({ ...inPages, body: { metadata: { name: `page-00-${seen.length}` } } });
      versions.add(page.metadata!.resourceVersion!);
      seen.push(...page.items.map((i) => i.metadata!.name!));
      _continue = page.metadata!._continue;
      expect(page.metadata!.remainingItemCount).toBe(_continue ? names.length - seen.length : undefined);
    } while (_continue);
    expect(seen).toEqual(names);
    expect(versions.size).toBe(1);
    const found = await core.listNamespacedSecret({ ...inPages, fieldSelector: 'metadata.name=page-07' });
    expect([found.items.length, found.metadata!._continue]).toEqual([1, undefined]);
    await core.deleteCollectionNamespacedSecret(inPages);
    expect((await core.listNamespacedSecret(inPages)).items).toEqual([]);
  });
  it.each<[PatchStrategy, unknown, Record<string, string>]>([
    [PatchStrategy.JsonPatch, [{ op: 'replace', path: '/data/a', value: '2' }, { op: 'remove', path: '/data/b' }], { a: '2' }],
    [PatchStrategy.MergePatch, { data: { b: null, c: '3' } }, { a: '1', c: '3' }],
    [PatchStrategy.StrategicMergePatch, { data: { b: null, c: '4' } }, { a: '1', c: '4' }],
    [PatchStrategy.ServerSideApply, { apiVersion: 'v1', kind: 'ConfigMap', data: { d: '5' } }, { a: '1', b: '1', d: '5' }],
  ])('patch as %s', async (strategy, body, data) => {
    const name = `patched-${Object.values(PatchStrategy).indexOf(strategy)}`;
    await core.createNamespacedConfigMap({ namespace, body: configMap(name, { a: '1', b: '1' }) });
    const patched = await core.patchNamespacedConfigMap(
      { namespace, name, body, ...(strategy === PatchStrategy.ServerSideApply && { fieldManager: 'suite' }) },
      setHeaderOptions('Content-Type', strategy),
    );
    expect(patched.data).toEqual(data);
  }); // prettier-ignore
  it('scale, and read what became of it', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'scaled' };
    await apps.createNamespacedDeployment({
      namespace,
      body: {
        metadata: { name: 'scaled' },
        spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'x' }] } } },
      },
    }); // prettier-ignore
    await apps.patchNamespacedDeploymentScale(
      { namespace, name: 'scaled', body: { spec: { replicas: 2 } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
    const deployment = await eventually('two replicas', async () => {
      const found = await apps.readNamespacedDeploymentStatus({ namespace, name: 'scaled' });
      return found.status?.readyReplicas === 2 ? found : undefined;
    });
    expect(deployment.status!.conditions!.find((c) => c.type === 'Available')!.lastUpdateTime).toBeInstanceOf(Date);
    const pods = await core.listNamespacedPod({ namespace, labelSelector: 'app=scaled' });
    expect(pods.items.map((p) => p.status!.phase)).toEqual(['Running', 'Running']);
    await apps.deleteNamespacedDeployment({ namespace, name: 'scaled', propagationPolicy: 'Foreground' });
  });
});

describe('errors are ApiExceptions with a Status', () => {
  it.each<[string, () => Promise<unknown>, number, Partial<V1Status>]>([
    ['what is not there', () => core.readNamespacedPod({ namespace, name: 'nope' }), 404, { reason: 'NotFound', message: 'pods "nope" not found', details: { name: 'nope', kind: 'pods' } }],
    ['what is there already', () => core.createNamespace({ body: { metadata: { name: 'default' } } }), 409, { reason: 'AlreadyExists', message: 'namespaces "default" already exists' }],
    ['what is not valid', () => core.createNamespacedConfigMap({ namespace, body: configMap('UPPER') }), 422, { reason: 'Invalid' }],
    ['what has changed', () => core.replaceNamespacedConfigMap({ namespace, name: 'kube-root-ca.crt', body: { metadata: { name: 'kube-root-ca.crt', resourceVersion: '1' } } }), 409, { reason: 'Conflict' }],
    ['a namespace that is not there', () => core.createNamespacedConfigMap({ namespace: 'nope', body: configMap('x') }), 404, { reason: 'NotFound', message: 'namespaces "nope" not found' }],
  ])('for %s', async (_name, call, code, status) => {
    // Published into every namespace by a controller.
    await eventually('a config map', () => core.readNamespacedConfigMap({ namespace, name: 'kube-root-ca.crt' }));
    const found = await refusal(call());
    expect(found.code).toBe(code);
    expect(found.status).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, ...status });
  }); // prettier-ignore
  it('for a stranger', async () => {
    const stranger = new KubeConfig();
    stranger.loadFromClusterAndUser({ ...config.getCurrentCluster()! }, { name: 'stranger', token: 'garbage' });
    // The client drops the body of this one.
    await expect(stranger.makeApiClient(CoreV1Api).listNode()).rejects.toMatchObject({ code: 401 });
  });
});

it('reads what nodes use', async () => {
  const nodes = await config.makeApiClient(CoreV1Api).listNode();
  const names = async (): Promise<string[]> =>
    (await new Metrics(config).getNodeMetrics()).items.map(({ metadata }) => metadata.name);
  await expect.poll(names, { timeout: 20_000 }).toEqual(nodes.items.map(({ metadata }) => metadata!.name));
});

it('knows version and health', async () => {
  expect(await config.makeApiClient(VersionApi).getCode()).toMatchObject({ major: '1', minor: '36' });
  expect(await new Health(config).readyz({})).toBe(true);
  expect(await new Health(config).livez({})).toBe(true);
});

it('handles objects of any kind through discovery', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const created = await objects.create(configMap('any', { a: '1' }));
  expect(created.metadata!.namespace).toBe('default');
  const applied = await objects.patch(configMap('any', { a: '2' }), undefined, undefined, 'suite', true, PatchStrategy.ServerSideApply); // prettier-ignore
  expect(applied.data).toEqual({ a: '2' });
  const widget = { apiVersion: 'v1', kind: 'Widget', metadata: { name: 'x' } };
  await expect(objects.create(widget)).rejects.toThrow('Unrecognized API version and kind: v1 Widget');
  await objects.delete(configMap('any'));
});

it('watches from a resource version on', async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  const seen: string[] = [];
  const ended = Promise.withResolvers<unknown>();
  const watch = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { resourceVersion: metadata!.resourceVersion, labelSelector: 'watched=yes' },
    (type: string, object: V1ConfigMap) => seen.push(`${type} ${object.metadata!.name} ${object.data?.['a'] ?? ''}`),
    ended.resolve,
  );
  const body = configMap('watched', { a: '1' });
  body.metadata!.labels = { watched: 'yes' };
  await core.createNamespacedConfigMap({ namespace, body });
  await core.createNamespacedConfigMap({ namespace, body: configMap('unwatched') });
  const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
  await core.patchNamespacedConfigMap({ namespace, name: 'watched', body: { data: { a: '2' } } }, merge);
  await core.patchNamespacedConfigMap({ namespace, name: 'watched', body: { metadata: { labels: null } } }, merge);
  await eventually('three events', () => (seen.length >= 3 ? true : undefined));
  watch.abort();
  await ended.promise;
  // What a selector no longer selects is gone for those who watch with it.
  expect(seen).toEqual(['ADDED watched 1', 'MODIFIED watched 2', 'DELETED watched 2']);
});

it('keeps an informer true over a restart of the API server', async () => {
  const labelSelector = 'informed=yes';
  const informer = makeInformer<V1ConfigMap>(
    config,
    `/api/v1/namespaces/${namespace}/configmaps`,
    () => core.listNamespacedConfigMap({ namespace, labelSelector }),
    labelSelector,
  );
  const events: string[] = [];
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, (object) => events.push(`${verb} ${object.metadata!.name}`));
  let stopped = false;
  let errors = 0;
  informer.on('error', () => {
    errors++;
    if (!stopped) setTimeout(() => void informer.start(), 50);
  });
  const create = (name: string): Promise<V1ConfigMap> => {
    const body = configMap(name);
    body.metadata!.labels = { informed: 'yes' };
    return core.createNamespacedConfigMap({ namespace, body });
  };
  await create('before');
  await informer.start();
  await create('during');
  await eventually('both', () => (informer.list().length === 2 ? true : undefined));

  const port = new URL(cluster.server).port;
  const gone = new Promise((resolve) => cluster.process.once('exit', resolve));
  cluster.process.kill('SIGKILL');
  await gone;
  cluster = await upForTest(['--port', port], { dir });
  await create('after');
  await core.deleteNamespacedConfigMap({ namespace, name: 'before' });
  await eventually('what happened since', () =>
    informer.get('after', namespace) !== undefined && informer.get('before', namespace) === undefined
      ? true
      : undefined,
  );
  expect(errors).toBeGreaterThan(0);
  expect(informer.list().map((o) => o.metadata!.name).sort()).toEqual(['after', 'during']); // prettier-ignore
  // Resumed where it was: nothing came twice, nothing was missed.
  expect(events).toEqual(['add before', 'add during', 'add after', 'delete before']);
  stopped = true;
  await informer.stop();
}, 40_000);
