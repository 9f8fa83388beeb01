import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import { until } from '../../bus/testing/until.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createRegistry } from '../../actors/runtime/metrics/registry.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { fakeApi } from '../../actors/runtime/testing/fake-api.ts';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { TRIGGER_TIME } from '../../actors/runtime/trigger-times.ts';
import type { Event } from '../../schemas/generated/core-v1.ts';
import { startKubeProxy, type KubeProxyOptions } from './actor.ts';
import { fakeBackend } from './testing/backend.ts';
import { goldenNode } from './testing/golden.ts';
import { serviceOf, sliceOf } from './testing/objects.ts';
import { watchServices } from './watched-services.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
const PORTS = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
function started() {
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client('test');
  const backend = fakeBackend();
  const registry = createRegistry();
  const start = (services?: KubeProxyOptions['services']): Component => {
    const proxy = startKubeProxy({ world, client: api.client('kube-proxy'), nodeName: 'n1', backend, services, metrics: registry }); // prettier-ignore
    ends.push(() => proxy.stop());
    return proxy;
  };
  const endpoints = (name: string, ...ips: string[]) =>
    sliceOf(name, 'a', ips.map((ip) => ({ ip })), [{ name: 'http', port: 8080 }]); // prettier-ignore
  return { world, api, client, backend, registry, start, endpoints };
}

describe('a proxy', () => {
  it('goes by a watch of Services that others of the node look at too, and leaves it to them', async () => {
    const { world, api, client, backend, start } = started();
    await client.create(resources.nodes, goldenNode);
    for (const name of ['a', 'b']) await client.create(resources.services, serviceOf(name, { ports: PORTS, clusterIP: `10.96.0.${name === 'a' ? 1 : 2}` })); // prettier-ignore
    await client.create(resources.services, serviceOf('headless', { clusterIP: 'None', ports: PORTS }));
    const services = watchServices({ world, client: api.client('kube-proxy') });
    ends.push(() => Promise.resolve(services.stop()));
    await world.until(() => services.hasSynced);
    const watches = (): number => api.calls.filter(({ caller, resource }) => caller === 'kube-proxy' && resource === 'services').length; // prettier-ignore
    const before = watches();
    const proxy = start(services);
    await proxy.ready;
    expect(backend.said).toEqual(['rebuild default/a default/b']);
    expect(watches()).toBe(before);
    // What containers are told of is there, rules or not.
    expect([...services.all()].map(({ spec }) => [spec?.clusterIP, spec?.ports?.[0]?.port])).toEqual([['10.96.0.1', 80], ['10.96.0.2', 80], ['None', 80]]); // prettier-ignore
    await proxy.stop();
    await client.delete(resources.services, 'a', 'default');
    await world.until(() => services.size === 2);
  });
  it('writes everything once all is known, the first change at once, and then what came within a second together', async () => {
    const { world, client, backend, start, endpoints } = started();
    await client.create(resources.nodes, goldenNode);
    await client.create(resources.services, serviceOf('a', { ports: PORTS }));
    await client.create(resources.services, serviceOf('headless', { clusterIP: 'None' }));
    const proxy = start();
    await proxy.ready;
    expect(backend.said).toEqual(['rebuild default/a']);
    await world.advance(1_000);
    expect(proxy.state()).toBe('synced');

    await client.create(resources.endpointSlices, endpoints('a', '10.244.1.1'));
    await world.settle();
    expect(backend.said.splice(0)).toEqual(['rebuild default/a', 'update default/a']);
    await client.create(resources.services, serviceOf('b', { ports: PORTS, clusterIP: '10.96.0.2' }));
    await client.update(resources.endpointSlices, endpoints('a', '10.244.1.1', '10.244.1.2'));
    await world.advance(900);
    expect(backend.said).toEqual([]);
    await world.advance(100);
    expect(backend.said.splice(0)).toEqual(['update default/a default/b']);

    // What comes to the same is not written.
    await client.update(resources.endpointSlices, endpoints('a', '10.244.1.2', '10.244.1.1'));
    await world.advance(2_000);
    await client.delete(resources.services, 'b', 'default');
    await world.advance(1_000);
    expect(backend.said.splice(0).at(-1)).toBe('update default/b');
    await world.advance(3_600_000);
    expect(backend.said).toEqual(['rebuild default/a']);
  });
  it('makes all rules anew after a failure, later each time, and when the node is another', async () => {
    const { world, client, backend, registry, start, endpoints } = started();
    await client.create(resources.services, serviceOf('a', { ports: PORTS }));
    const proxy = start();
    await proxy.ready;
    await world.advance(1_000);
    backend.said.length = 0;
    backend.failures.push('no', 'no', 'no');
    await client.create(resources.endpointSlices, endpoints('a', '10.244.1.1'));
    await world.settle();
    expect([proxy.state(), backend.said]).toEqual(['failing', ['update default/a']]);
    await world.advance(500 + 1_000);
    expect(backend.said).toEqual(['update default/a', 'rebuild default/a', 'rebuild default/a']);
    await world.advance(2_000);
    expect(backend.said.splice(0)).toHaveLength(4);
    const lines = registry.families().flatMap(({ lines: of }) => of);
    expect(lines).toContain('kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 3');

    await world.advance(1_000);
    expect(proxy.state()).toBe('synced');
    // It comes late, and where its pods are is not known before.
    await client.create(resources.nodes, goldenNode);
    await world.settle();
    expect(backend.said).toEqual(['rebuild default/a']);
  });
  it('is well for as long as it writes what changes, and a node that merely says that it is there changes nothing', async () => {
    const { world, client, backend, registry, start } = started();
    const node = await client.create(resources.nodes, goldenNode);
    await client.create(resources.services, serviceOf('a', { ports: PORTS }));
    await start().ready;
    await world.advance(1_000);
    const queued = (): string | undefined => registry.families().flatMap(({ lines }) => lines).find((line) => line.startsWith('kubeproxy_sync_proxy_rules_last_queued')); // prettier-ignore
    const before = queued();
    await client.update(resources.nodes, { ...node, status: { ...node.status, conditions: [{ type: 'Ready', status: 'True' }] } }); // prettier-ignore
    await world.advance(2_000);
    expect(queued()).toBe(before);
    expect(backend.said).toEqual(['rebuild default/a']);
    await client.update(resources.nodes, { ...node, metadata: { ...node.metadata, labels: { 'topology.kubernetes.io/zone': 'z2' } } }); // prettier-ignore
    await world.advance(2_000);
    expect(queued()).not.toBe(before);
    expect(backend.said).toEqual(['rebuild default/a', 'update']);
  });
  it('asks only for what concerns it, and follows none of the rest', async () => {
    const { api, world, start } = started();
    const asked: string[] = [];
    const proxy = start();
    await proxy.ready;
    for (const { caller, verb, resource } of api.calls) asked.push(`${caller} ${verb} ${resource}`);
    expect([...new Set(asked)].toSorted()).toEqual([
      'kube-proxy create events',
      'kube-proxy watch endpointslices',
      'kube-proxy watch nodes',
      'kube-proxy watch servicecidrs',
      'kube-proxy watch services',
    ]);
    expect(world.complaints).toEqual([]);
  });
  it('says why it cannot work on this machine, and works once it can', async () => {
    const { world, api, backend, start } = started();
    backend.unable = 'nftables cannot be used: nft: spawn nft ENOENT: install nftables, or choose another mode';
    const proxy = start();
    await expect(proxy.ready).rejects.toThrow('install nftables');
    await world.advance(1_000);
    const [event] = api.objects<Event>(resources.events).filter(({ type }) => type === 'Warning');
    expect(event).toMatchObject({ reason: 'FailedToStartProxier', message: backend.unable, involvedObject: { kind: 'Node', name: 'n1' } }); // prettier-ignore
    expect([proxy.state(), backend.said]).toEqual(['unable', []]);
    backend.unable = undefined;
    await world.advance(30_000);
    expect(backend.said).toEqual(['rebuild']);
  });
  it('comes back a second later for what could not be taken away at once', async () => {
    const { world, backend, start } = started();
    backend.hasLeftovers = true;
    await start().ready;
    await world.advance(1_000);
    expect(backend.said).toEqual(['rebuild', 'update']);
    backend.hasLeftovers = false;
    await world.advance(5_000);
    expect(backend.said).toEqual(['rebuild', 'update']);
  });
  it('counts under the names of upstream how long endpoints took to be in the rules', async () => {
    const { world, client, registry, start, endpoints } = started();
    await client.create(resources.services, serviceOf('a', { ports: PORTS, internalTrafficPolicy: 'Local' }));
    await start().ready;
    await world.advance(3_000);
    const slice = endpoints('a', '10.244.1.1');
    const annotations = { [TRIGGER_TIME]: new Date(world.clock.now() - 2_000).toISOString() };
    await client.create(resources.endpointSlices, { ...slice, metadata: { ...slice.metadata, annotations } });
    await world.advance(1_000);
    const lines = registry.families().flatMap(({ lines: of }) => of);
    expect(lines).toContain('kubeproxy_network_programming_duration_seconds_count{ip_family="IPv4"} 1');
    expect(lines).toContain('kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 2');
    expect(lines).toContain(
      'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1',
    );
    expect(lines).toContain('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv6"} 1');
    expect(lines).toContain('kubeproxy_sync_partial_proxy_rules_duration_seconds_count{ip_family="IPv6"} 1');
  });
});

const free = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
interface Answer {
  readonly code: number;
  readonly weight: string | undefined;
  readonly body: string;
}
const ask = (port: number, path = '/'): Promise<Answer> =>
  new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (bytes: Buffer) => (body += bytes.toString()));
      response.on('end', () => resolve({ code: response.statusCode ?? 0, weight: response.headers['x-load-balancing-endpoint-weight'] as string | undefined, body })); // prettier-ignore
    }).once('error', reject);
  });

describe('whoever asks a proxy', () => {
  it('hears how many endpoints of a Service are here, how it is, and what it has counted', async () => {
    const world = realWorld({ level: 'silent' });
    const api = fakeApi(world);
    const client = api.client('test');
    const [checked, taken, healthz, metrics] = await Promise.all([free(), free(), free(), free()]);
    const other = createServer().listen(taken);
    ends.push(() => new Promise((resolve) => other.close(resolve)));
    const balanced = (name: string, clusterIP: string, healthCheckNodePort: number) =>
      serviceOf(name, { type: 'LoadBalancer', clusterIP, externalTrafficPolicy: 'Local', healthCheckNodePort, ports: PORTS }); // prettier-ignore
    await client.create(resources.services, balanced('web', '10.96.0.1', checked));
    await client.create(resources.services, balanced('unlucky', '10.96.0.2', taken));
    const doors = { healthz: { host: '127.0.0.1', port: healthz }, metrics: { host: '127.0.0.1', port: metrics } };
    const proxy = startKubeProxy({ world, client: api.client('kube-proxy'), nodeName: 'n1', backend: fakeBackend(), doors }); // prettier-ignore
    ends.push(() => proxy.stop());
    await proxy.ready;
    await until(() => ask(checked).then(() => true, () => false)); // prettier-ignore
    expect(await ask(checked)).toEqual({
      code: 503,
      weight: '0',
      body: '{\n\t"service": {\n\t\t"namespace": "default",\n\t\t"name": "web"\n\t},\n\t"localEndpoints": 0,\n\t"serviceProxyHealthy": true\n}',
    });
    const endpoints = [{ ip: '10.244.0.2', node: 'n1' }, { ip: '10.244.0.3', node: 'n1' }, { ip: '10.244.1.2', node: 'n2' }]; // prettier-ignore
    await client.create(resources.endpointSlices, sliceOf('web', 'a', endpoints, [{ name: 'http', port: 8080 }]));
    await until(async () => (await ask(checked)).code === 200);
    expect(await ask(checked)).toMatchObject({ weight: '2' });

    // Nobody is to be sent to a node that is not there, or goes.
    expect((await ask(healthz, '/healthz')).code).toBe(503);
    expect((await ask(healthz, '/livez')).code).toBe(200);
    const node = await client.create(resources.nodes, goldenNode);
    await until(async () => (await ask(healthz, '/healthz')).code === 200);
    expect(JSON.parse((await ask(healthz, '/healthz')).body)).toMatchObject({ nodeEligible: true, healthy: true, status: { IPv4: { healthy: true } } }); // prettier-ignore
    await client.update(resources.nodes, { ...node, spec: { ...node.spec, taints: [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }] } }); // prettier-ignore
    await until(async () => (await ask(healthz, '/healthz')).code === 503);

    expect((await ask(metrics, '/proxyMode')).body).toBe('nftables');
    expect((await ask(metrics, '/metrics')).body).toContain('kubeproxy_proxy_healthz_total{code="503"}');
    expect((await ask(metrics, '/nothing')).code).toBe(404);

    const warnings = (): Event[] => api.objects<Event>(resources.events).filter(({ type }) => type === 'Warning');
    await until(() => warnings().length > 0);
    expect(warnings()[0]).toMatchObject({ reason: 'FailedToStartServiceHealthcheck', involvedObject: { kind: 'Service', name: 'unlucky' } }); // prettier-ignore
    expect(warnings()[0]?.message).toContain(
      `node n1 failed to start healthcheck "default/unlucky" on port ${taken}: `,
    );
    await client.delete(resources.services, 'web', 'default');
    await until(() => ask(checked).then(() => false, () => true)); // prettier-ignore
  }, 30_000);
});
