/** The metrics API and who goes by it, as a cluster has them: an API server, nodes, the actor, and other servers for other metrics. */
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startHorizontalPodAutoscaler } from '../../actors/controllers/horizontal-pod-autoscaler/actor.ts';
import { startMetrics } from '../../actors/metrics/actor.ts';
import { startExtensionServer, type ExtensionServer } from '../../actors/apiserver/testing/extension-server.ts';
import { httpsCall } from '../../actors/apiserver/testing/https-call.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../actors/apiserver/testing/servers.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import { createInformers } from '../../actors/runtime/informer.ts';
import { deployments, horizontalPodAutoscalers, pods, services } from '../../actors/runtime/resources.ts';
import { realWorld } from '../../bus/real-world.ts';
import type { Deployment } from '../../schemas/generated/apps-v1.ts';
import type { HorizontalPodAutoscaler, MetricSpec } from '../../schemas/generated/autoscaling-v2.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ensurePki } from '../pki/pki.ts';
import { startNodes } from './nodes.ts';

const folder = tempFolder();
const world = realWorld({ level: 'silent' });
const BASE = '/apis/metrics.k8s.io/v1beta1';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const apis = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
let pki: TestPki;
let all: TestServers;
let extension: ExtensionServer;
let metrics: Component;
const running: Component[] = [];

const admin = (): ApiClient => all.client('admin');
async function call(path: string, accept = 'application/json', method = 'GET') {
  const headers = { accept, authorization: 'Bearer secret' };
  const { status, text } = await httpsCall({ port: all.servers[0]!.port, ca: pki.ca, servername: 'localhost', method, path, headers, rejectUnauthorized: false }); // prettier-ignore
  return { status, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, never>) : text };
}
const told = async (path: string, accept?: string, method?: string): Promise<string> => {
  const { status, body } = await call(path, accept, method);
  return `${status} ${typeof body === 'string' ? body : ((body['message'] as string | undefined) ?? '')}`.trim();
};
const pod = (name: string, labels: Record<string, string>, script: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels, annotations: { 'kubus.dev/simulate': script } },
  spec: { nodeName: 'n1', containers: [{ name: 'web', image: 'web' }, { name: 'side', image: 'side' }] },
}); // prettier-ignore
const isRunning = (name: string) =>
  vi.waitFor(async () => expect((await admin().get<Pod>(pods, name, 'default')).status?.phase).toBe('Running'), { timeout: 8_000, interval: 20 }); // prettier-ignore
const serve = (group: string, version: string) =>
  admin().create(apis, {
    apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `${version}.${group}` },
    spec: { group, version, groupPriorityMinimum: 100, versionPriority: 100, insecureSkipTLSVerify: true, service: { namespace: 'default', name: 'ext', port: extension.port } },
  } as KubeObject); // prettier-ignore
const isServed = (name: string) =>
  vi.waitFor(async () => expect(JSON.stringify(await admin().get(apis, name))).toContain('"Passed"'), { timeout: 8_000, interval: 20 }); // prettier-ignore
const says = (path: string, value: object): void =>
  extension.on(path, (_, response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value)),
  );

beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki, () => ({ servesMetrics: true }));
  extension = await startExtensionServer({ cert: pki.serverCert, key: pki.serverKey }, 'ext.example.com');
  metrics = startMetrics({ world, bus: all.connect('metrics'), id: 'm' });
  const nodes = startNodes({ world, bus: all.connect('nodes'), id: 'n', nodes: [{ name: 'n1' }, { name: 'n2' }], podCIDRs: 'byPlace' }); // prettier-ignore
  running.push(metrics, nodes);
  await nodes.ready;
  const spec = { type: 'ExternalName', externalName: 'localhost' };
  await admin().create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'ext', namespace: 'default' }, spec } as KubeObject); // prettier-ignore
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'default' } };
  await admin().create({ group: '', version: 'v1', resource: 'serviceaccounts' }, account);
  await admin().create(pods, pod('a', { app: 'a' }, 'usage: { cpu: 250m, memory: 64Mi }'));
  await admin().create(pods, pod('b', { app: 'b' }, 'containers: { web: { usage: { cpu: 1 } } }'));
  await Promise.all([isRunning('a'), isRunning('b')]);
});
afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  await all.stop();
  await extension.stop();
  folder.remove();
});

describe('metrics.k8s.io', () => {
  it('is a group like any other', async () => {
    const resources = [{ name: 'nodes', kind: 'NodeMetrics', verbs: ['get', 'list'] }, { name: 'pods', kind: 'PodMetrics' }];
    expect((await call(BASE)).body).toMatchObject({ kind: 'APIResourceList', resources });
    expect(JSON.stringify((await call('/apis')).body)).toContain('"metrics.k8s.io/v1beta1"');
    const aggregated = await call('/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    expect(aggregated.body).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', resources: [{ resource: 'nodes' }, { resource: 'pods' }].map((r) => expect.objectContaining(r) as unknown), freshness: 'Current' }] })]) });
    expect(JSON.stringify((await call('/openapi/v3')).body)).toContain('apis/metrics.k8s.io/v1beta1');
    expect((await call(`/openapi/v3${BASE}`)).body).toMatchObject({ openapi: '3.0.0' });
    expect(JSON.stringify((await call('/openapi/v2')).body)).toContain('#/definitions/io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics');
    const api = await admin().get(apis, 'v1beta1.metrics.k8s.io');
    expect(api).toMatchObject({ metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } }, status: { conditions: [{ type: 'Available', status: 'True' }] } });
  }); // prettier-ignore
  it('tells what pods and nodes use', async () => {
    const { body } = await call(`${BASE}/namespaces/default/pods`);
    expect(body).toMatchObject({
      kind: 'PodMetricsList',
      items: [
        { kind: 'PodMetrics', metadata: { name: 'a', namespace: 'default', labels: { app: 'a' } }, window: '10s', containers: [{ name: 'web', usage: { cpu: '250m', memory: '64Mi' } }, { name: 'side', usage: { cpu: '250m' } }] },
        { metadata: { name: 'b' }, containers: [{ name: 'web', usage: { cpu: '1', memory: '2Mi' } }, { name: 'side', usage: { cpu: '1m' } }] },
      ],
    });
    expect((await call(`${BASE}/nodes/n1`)).body).toMatchObject({ kind: 'NodeMetrics', usage: { cpu: '1521m' } });
    expect((await call(`${BASE}/nodes`)).body).toMatchObject({ items: [{ metadata: { name: 'n1' } }, { metadata: { name: 'n2' }, usage: { cpu: '20m', memory: '256Mi' } }] });
  }); // prettier-ignore
  it('knows pods that have come a moment ago', async () => {
    await admin().create(pods, pod('late', {}, 'usage: { cpu: 1m }'));
    await isRunning('late');
    await vi.waitFor(async () => expect((await call(`${BASE}/namespaces/default/pods/late`)).status).toBe(200), { timeout: 5_000, interval: 50 }); // prettier-ignore
    await admin().delete(pods, 'late', 'default', { gracePeriodSeconds: 0 });
  });
  it.each([
    ['labelSelector=app%3Da', ['a']],
    ['labelSelector=app%20in%20(a,b)', ['a', 'b']],
    ['fieldSelector=metadata.name%3Db', ['b']],
    ['fieldSelector=metadata.namespace!%3Ddefault', []],
  ])('chooses by %s', async (query, names) => {
    const { body } = await call(`${BASE}/pods?${query}`);
    const { items } = body as unknown as { items: Pod[] };
    expect(items.map(({ metadata }) => metadata.name)).toEqual(names);
  });
  it('is shown as a table', async () => {
    const { body } = await call(`${BASE}/namespaces/default/pods?labelSelector=app%3Da`, TABLE);
    expect(body).toMatchObject({
      kind: 'Table',
      columnDefinitions: ['Name', 'cpu', 'memory', 'Window'].map((name) => ({ name })),
      rows: [{ cells: ['a', '500m', '128Mi', '10s'], object: { kind: 'PartialObjectMetadata', metadata: { name: 'a' } } }],
    });
    expect((await call(`${BASE}/pods?labelSelector=x`, TABLE)).body).toMatchObject({ columnDefinitions: null, rows: null });
    expect((await call(`${BASE}/nodes/n1?includeObject=None`, TABLE)).body).toMatchObject({ rows: [{ object: null }] });
  }); // prettier-ignore
  it.each([
    ['/namespaces/default/pods/gone', 'GET', '404 pods "gone" not found'],
    ['/nodes/gone', 'GET', '404 node "gone" not found'],
    ['/things', 'GET', '404 the server could not find the requested resource'],
    ['/pods/a', 'GET', '404 the server could not find the requested resource'],
    ['/namespaces/default/nodes', 'GET', '404 the server could not find the requested resource'],
    ['/pods?watch=true', 'GET', '405 watch is not supported on resources of kind "pods.metrics.k8s.io"'],
    ['/nodes/n1', 'DELETE', '405 the server does not allow this method on the requested resource'],
    ['/pods?fieldSelector=spec.nodeName%3Dn1', 'GET', '400 "spec.nodeName" is not a known field selector: only "metadata.name", "metadata.namespace"'],
  ])('refuses %s by %s', async (path, method, expected) => {
    expect(await told(`${BASE}${path}`, undefined, method)).toBe(expected);
  }); // prettier-ignore
  it('refuses what it cannot write, and selectors that nobody can read', async () => {
    expect(await told(`${BASE}/nodes`, 'text/html')).toMatch(/^406 only the following media types are accepted/);
    expect(await told(`${BASE}/pods?labelSelector=a%20in`)).toMatch(/^400 /);
  });
  it('has no metrics of pods that do not run', async () => {
    await admin().create(pods, { ...pod('pending', {}, ''), spec: { ...pod('x', {}, '').spec!, nodeName: 'nowhere' } });
    expect(await told(`${BASE}/namespaces/default/pods/pending`)).toBe('404 podmetrics.metrics.k8s.io "default/pending" not found'); // prettier-ignore
    await admin().delete(pods, 'pending', 'default', { gracePeriodSeconds: 0 });
  });
});

describe('an autoscaler', () => {
  const metricOf: Readonly<Record<string, MetricSpec>> = {
    used: { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '50Mi' } } },
    custom: { type: 'Pods', pods: { metric: { name: 'rps' }, target: { type: 'AverageValue', averageValue: '10' } } },
    external: { type: 'External', external: { metric: { name: 'queue' }, target: { type: 'AverageValue', averageValue: '10' } } },
  }; // prettier-ignore
  const replicas = async (name: string) => (await admin().get<Deployment>(deployments, name, 'default')).spec?.replicas;

  beforeAll(async () => {
    for (const group of ['custom.metrics.k8s.io/v1beta2', 'external.metrics.k8s.io/v1beta1'])
      says(`/apis/${group}`, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group, resources: [] });
    const value = { describedObject: { kind: 'Pod', name: 'a' }, value: '30', timestamp: '2026-01-01T00:00:00Z' };
    const custom = { kind: 'MetricValueList', apiVersion: 'custom.metrics.k8s.io/v1beta2', metadata: {}, items: [value] };
    for (const any of ['*', '%2A']) says(`/apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/${any}/rps`, custom);
    says('/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queue', { kind: 'ExternalMetricValueList', apiVersion: 'external.metrics.k8s.io/v1beta1', metadata: {}, items: [{ metricName: 'queue', value: '40' }] });
    await Promise.all([serve('custom.metrics.k8s.io', 'v1beta2'), serve('external.metrics.k8s.io', 'v1beta1')]);
    await Promise.all([isServed('v1beta2.custom.metrics.k8s.io'), isServed('v1beta1.external.metrics.k8s.io')]);
    const bus = all.connect('controllers');
    const client = (caller: string): ApiClient => createApiClient(bus, world, caller);
    const informers = createInformers(client('controller-manager'), world);
    running.push(
      startHorizontalPodAutoscaler({ world, id: 'c', informers, client, recorderFor: (own, component) => createEventRecorder({ client: own, world, component }) }),
      { name: 'informers', id: '', ready: Promise.resolve(), state: () => '', stop: () => Promise.resolve(informers.stop()) },
    );
  }); // prettier-ignore
  it.each([
    ['used', 3],
    ['custom', 3],
    ['external', 4],
  ])('goes by what is %s, as the API servers of the cluster say', async (name, expected) => {
    const selector = { matchLabels: { app: 'a' } };
    const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'web', image: 'web' }] } };
    const labels = { app: 'a' };
    await admin().create<Deployment>(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: 'default', labels }, spec: { replicas: 1, selector, template } });
    const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, maxReplicas: 9, metrics: [metricOf[name]!] };
    await admin().create<HorizontalPodAutoscaler>(horizontalPodAutoscalers, { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name, namespace: 'default' }, spec });
    await vi.waitFor(async () => {
      const { status } = await admin().get<HorizontalPodAutoscaler>(horizontalPodAutoscalers, name, 'default');
      expect([await replicas(name), status?.conditions?.[1]]).toMatchObject([expected, { type: 'ScalingActive', status: 'True' }]);
    }, { timeout: 8_000, interval: 50 });
    await admin().delete(horizontalPodAutoscalers, name, 'default');
    await vi.waitFor(() => expect(admin().get(horizontalPodAutoscalers, name, 'default')).rejects.toThrow());
  }); // prettier-ignore
});

describe('who serves metrics.k8s.io', () => {
  it('may be a server of the users, and none of ours is asked then', async () => {
    says(BASE, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'metrics.k8s.io/v1beta1', resources: [] });
    says(`${BASE}/nodes`, { kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1', metadata: {}, items: [] });
    const service = { namespace: 'default', name: 'ext', port: extension.port };
    await admin().patch(apis, 'v1beta1.metrics.k8s.io', undefined, 'merge', { spec: { service, insecureSkipTLSVerify: true } }); // prettier-ignore
    await isServed('v1beta1.metrics.k8s.io');
    expect((await call(`${BASE}/nodes`)).body).toMatchObject({ items: [] });
    expect(extension.heard.some(({ url }) => url.startsWith(`${BASE}/nodes`))).toBe(true);
    await admin().patch(apis, 'v1beta1.metrics.k8s.io', undefined, 'merge', { spec: { service: null, insecureSkipTLSVerify: null } }); // prettier-ignore
    await vi.waitFor(async () => expect((await call(`${BASE}/nodes`)).body).toMatchObject({ items: [{}, {}] }), { timeout: 5_000, interval: 20 }); // prettier-ignore
  });
  it('is missed where nobody does', async () => {
    await metrics.stop();
    expect(await told(`${BASE}/nodes`)).toMatch(/^503 /);
  });
});
