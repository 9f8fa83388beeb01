import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Service, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { createMetrics } from '../metrics/index.ts';
import { createAllocation, type Allocation } from './index.ts';

const allocationOf = (c: FakeCluster, more: object = {}): Allocation =>
  createAllocation({ ...c, serviceCidrs: ['10.96.0.0/16'], fresh: () => Promise.resolve(), ...more });
const service = (name: string, spec: Partial<ServiceSpec> = {}): Service => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { name, namespace: 'd' },
  spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
});
const create = async (c: FakeCluster, a: Allocation, s: Service, dryRun = false): Promise<Service | string> => {
  try {
    const finish = await a.beginCreate(s as unknown as DynamicObject, dryRun);
    await finish(!dryRun);
    if (!dryRun) c.put(s);
    return s;
  } catch (error) {
    return statusOf(error)?.message ?? String(error);
  }
};
const update = async (c: FakeCluster, a: Allocation, next: Service): Promise<Service | string> => {
  const services = c.resource('', 'services');
  const old = c.cache.get(services, 'd', next.metadata.name!)!;
  try {
    const finish = await a.beginUpdate(next as unknown as DynamicObject, old, false);
    await finish(true);
    return c.put(next);
  } catch (error) {
    return statusOf(error)?.message ?? String(error);
  }
};
const addresses = (c: FakeCluster): string[] =>
  [...c.cache.list(c.resource('networking.k8s.io', 'ipaddresses'))].map((o) => o.metadata.name!).sort();

describe('addresses of services', () => {
  it('are chosen, claimed by an IPAddress, and given back with the service', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const made = (await create(c, a, service('a'))) as Service;
    expect(made.spec).toMatchObject({
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      clusterIPs: [made.spec!.clusterIP],
    });
    const claim = c.cache.get(c.resource('networking.k8s.io', 'ipaddresses'), '', made.spec!.clusterIP!);
    expect(claim).toMatchObject({
      metadata: { labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' } },
      spec: { parentRef: { resource: 'services', namespace: 'd', name: 'a' } },
    }); // prettier-ignore
    await a.afterDelete(made as unknown as DynamicObject);
    expect(addresses(c)).toEqual([]);
  });
  it.each([
    ['taken', { clusterIP: '10.96.200.7' }, 'failed to allocate IP 10.96.200.7: provided IP is already allocated'],
    ['outside', { clusterIP: '10.50.0.1' }, 'failed to allocate IP 10.50.0.1: the provided network does not match the current range'],
    ['the network itself', { clusterIP: '10.96.0.0' }, 'failed to allocate IP 10.96.0.0: the provided network does not match the current range'],
  ])('may be asked for, but not one that is %s', async (_, spec, why) => {
    const c = fakeCluster();
    const a = allocationOf(c);
    await create(c, a, service('first', { clusterIP: '10.96.200.7' }));
    expect(await create(c, a, service('d', spec))).toBe(
      `Service "d" is invalid: spec.clusterIPs: Invalid value: ["${spec.clusterIP}"]: ${why}`,
    );
    expect(addresses(c)).toEqual(['10.96.200.7']);
  }); // prettier-ignore
  it.each([
    [{ ipFamilyPolicy: 'RequireDualStack' }, 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'],
    [{ ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    [{ clusterIPs: ['10.96.1.1', 'fd00::1'] }, 'spec.clusterIPs: Invalid value: ["10.96.1.1","fd00::1"]: must be empty when `clusterIP` is not specified'],
    [{ clusterIP: '10.96.1.1', clusterIPs: ['10.96.1.2'] }, 'spec.clusterIPs: Invalid value: ["10.96.1.2"]: first value must match `clusterIP`'],
  ] as [Partial<ServiceSpec>, string][])('%#: refuse %j', async (spec, why) => {
    const c = fakeCluster();
    expect(await create(c, allocationOf(c), service('x', spec))).toBe(`Service "x" is invalid: ${why}`);
    expect(addresses(c)).toEqual([]);
  }); // prettier-ignore
  it('are none for headless and external services; a headless one without selector is of both families', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const headless = (await create(c, a, service('h', { clusterIP: 'None' }))) as Service;
    expect(headless.spec).toMatchObject({
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
    });
    await create(c, a, service('e', { type: 'ExternalName', externalName: 'x.io' }));
    expect(addresses(c)).toEqual([]);
  });
  it('come in two families on a cluster of two', async () => {
    const c = fakeCluster();
    const a = allocationOf(c, { serviceCidrs: ['10.96.0.0/16', 'fd00::/108'] });
    const made = (await create(c, a, service('a', { ipFamilyPolicy: 'PreferDualStack' }))) as Service;
    expect(made.spec!.ipFamilies).toEqual(['IPv4', 'IPv6']);
    expect(addresses(c)).toHaveLength(2);
    const single = (await update(c, a, { ...made, spec: { ...made.spec, ipFamilyPolicy: 'SingleStack' } })) as Service;
    expect(single.spec!.clusterIPs).toEqual([made.spec!.clusterIP]);
    expect(addresses(c)).toEqual([made.spec!.clusterIP]);
  });
  it('stay when a client leaves them out, go with the type, come back with it', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const made = (await create(c, a, service('a'))) as Service;
    const ip = made.spec!.clusterIP!;
    expect(((await update(c, a, service('a', { selector: { x: 'y' } }))) as Service).spec!.clusterIPs).toEqual([ip]);
    await update(c, a, service('a', { type: 'ExternalName', externalName: 'x.io' }));
    expect(addresses(c)).toEqual([]);
    await update(c, a, service('a'));
    expect(addresses(c)).toHaveLength(1);
  });
  it('are not taken by a dry run', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const made = (await create(c, a, service('a', { clusterIP: '10.96.200.8' }), true)) as Service;
    expect(made.spec!.clusterIPs).toEqual(['10.96.200.8']);
    expect(addresses(c)).toEqual([]);
  });
  it('are given back when the write fails', async () => {
    const c = fakeCluster();
    const finish = await allocationOf(c).beginCreate(
      service('a', { type: 'NodePort' }) as unknown as DynamicObject,
      false,
    );
    expect([addresses(c).length, c.claims.keys.size]).toEqual([1, 1]);
    await finish(false);
    expect([addresses(c).length, c.claims.keys.size]).toEqual([0, 0]);
  });
  it('run out with the range', async () => {
    const c = fakeCluster();
    const a = allocationOf(c, { serviceCidrs: ['10.0.0.0/29'] });
    for (let i = 0; i < 6; i++) expect(await create(c, a, service(`s${i}`))).toMatchObject({ kind: 'Service' });
    expect(new Set(addresses(c)).size).toBe(6);
    expect(await create(c, a, service('last'))).toBe(
      'Internal error occurred: failed to allocate a serviceIP for Service "last": range is full',
    );
  });
  it('are never given twice, however many servers allocate at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1000 }), async (seed) => {
        const c = fakeCluster(seed);
        const servers = [1, 2, 3].map(() => allocationOf(c, { serviceCidrs: ['10.0.0.0/27'] }));
        const made = await Promise.all(
          Array.from({ length: 24 }, (_, i) => create(c, servers[i % 3]!, service(`s${i}`, { type: 'NodePort' }))),
        );
        const specs = made.map((s) => (s as Service).spec!);
        expect(new Set(specs.map((s) => s.clusterIP)).size).toBe(24);
        expect(new Set(specs.map((s) => s.ports![0]!.nodePort)).size).toBe(24);
      }),
      { numRuns: 20 },
    );
  });
});

describe('node ports', () => {
  it('are chosen or taken as asked, and shared by protocols of one port', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const any = (await create(c, a, service('np', { type: 'NodePort' }))) as Service;
    const port = any.spec!.ports![0]!.nodePort!;
    expect(port).toBeGreaterThanOrEqual(30_000);
    const asked = (nodePort: number) => service('x', { type: 'NodePort', ports: [{ port: 1, nodePort }] });
    expect(await create(c, a, asked(port))).toBe(
      `Service "x" is invalid: spec.ports[0].nodePort: Invalid value: ${port}: provided port is already allocated`,
    );
    expect(await create(c, a, asked(80))).toBe(
      'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
    const both = service('both', {
      type: 'NodePort',
      ports: [
        { port: 1, name: 'a', protocol: 'TCP', nodePort: 31_998 },
        { port: 1, name: 'b', protocol: 'UDP', nodePort: 31_998 },
      ],
    });
    expect(await create(c, a, both)).toMatchObject({ kind: 'Service' });
  });
  it('follow the type, and come with a health check port for local load balancers', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    await create(c, a, service('a'));
    const np = (await update(c, a, service('a', { type: 'NodePort' }))) as Service;
    expect(c.claims.keys.size).toBe(1);
    expect(((await update(c, a, service('a', { type: 'NodePort' }))) as Service).spec!.ports).toEqual(np.spec!.ports);
    const plain = service('a');
    await update(c, a, plain);
    expect(c.claims.keys.size).toBe(0);
    const lb = service('lb', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
    const made = (await create(c, a, lb)) as Service;
    expect(made.spec!.healthCheckNodePort).toBeGreaterThan(0);
    expect(c.claims.keys.size).toBe(2);
    await a.afterDelete(made as unknown as DynamicObject);
    expect(c.claims.keys.size).toBe(0);
  });
});

describe('repair', () => {
  it('makes what services lack and drops what none has, but no claim that is young', async () => {
    const c = fakeCluster();
    c.put(
      service('old', {
        type: 'NodePort',
        clusterIP: '10.96.3.3',
        clusterIPs: ['10.96.3.3'],
        ports: [{ port: 1, nodePort: 30_123 }],
      }),
    );
    const a = allocationOf(c);
    await a.beginCreate(
      service('crashed', { type: 'NodePort', clusterIP: '10.96.4.4' }) as unknown as DynamicObject,
      false,
    );
    await a.repair();
    expect(addresses(c)).toEqual(['10.96.3.3', '10.96.4.4']);
    await c.simulation.advance(61_000);
    await a.repair();
    expect(addresses(c)).toEqual(['10.96.3.3']);
    expect([...c.claims.keys.keys()]).toEqual(['/registry/ranges/servicenodeports/30123']);
  });
  const claim = (name: string, parentRef: object, labels: object = {}) => ({
    kind: 'IPAddress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name, labels: { 'ipaddress.kubernetes.io/ip-family': 'IPv4', 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io', ...labels } },
    spec: { parentRef },
  }); // prettier-ignore
  const events = (c: FakeCluster): string[] =>
    [...c.cache.list(c.resource('events.k8s.io', 'events'))].map((e) => `${String(e['reason'])} ${String(e['note'])}`);
  const begun = async (): Promise<[FakeCluster, Allocation]> => {
    const c = fakeCluster();
    const a = allocationOf(c);
    await a.repair();
    return [c, a];
  };
  it.each([
    ['of nothing that has addresses', { resource: 'pods', namespace: 'd', name: 'p' }, 200, 'IPAddressNotAllocated IPAddress 10.96.7.7 appears to have been modified, not referencing a Service &ParentReference{Group:,Resource:pods,Namespace:d,Name:p,}: cleaning up'],
    ['of no service', { resource: 'services', namespace: 'd', name: 'none' }, 61_000, 'IPAddressNotAllocated IPAddress: 10.96.7.7 for Service d/none appears to have leaked: cleaning up'],
    ['of a service with another', { resource: 'services', namespace: 'd', name: 'a' }, 6_000, 'IPAddressWrongReference IPAddress: 10.96.7.7 for Service d/a has a wrong reference; cleaning up'],
  ])('drops a claim %s, after it was given time', async (_, parent, ms, event) => {
    const [c, a] = await begun();
    await create(c, a, service('a'));
    await c.simulation.advance(2_000);
    c.put(claim('10.96.7.7', parent));
    await c.simulation.advance(50);
    expect(addresses(c)).toContain('10.96.7.7');
    await c.simulation.advance(ms);
    expect(addresses(c)).not.toContain('10.96.7.7');
    expect(events(c)).toEqual([event]);
    a.stop();
  }); // prettier-ignore
  it('leaves alone the claims of others', async () => {
    const [c, a] = await begun();
    c.put(claim('10.96.7.7', { resource: 'pods', name: 'p' }, { 'ipaddress.kubernetes.io/managed-by': 'me' }));
    await c.simulation.advance(120_000);
    expect(addresses(c)).toEqual(['10.96.7.7']);
    a.stop();
  });
  it('puts right what a service changed under its hands, and tells of what it cannot', async () => {
    const [c, a] = await begun();
    c.put(service('a', { clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7'] }));
    await c.simulation.advance(200);
    expect(addresses(c)).toEqual(['10.96.7.7']);
    c.put(service('b', { clusterIP: '10.96.7.7', clusterIPs: ['10.96.7.7'] }));
    c.put(service('c', { clusterIP: '10.1.1.1', clusterIPs: ['10.1.1.1'] }));
    await c.simulation.advance(200);
    expect(events(c)).toEqual([
      'ClusterIPNotAllocated Cluster IP [IPv4]: 10.96.7.7 is not allocated; repairing',
      'ClusterIPAlreadyAllocated Cluster IP [IPv4]:10.96.7.7 was assigned to multiple services; please recreate service',
      'ClusterIPOutOfRange Cluster IP [IPv4]: 10.1.1.1 is not within any configured Service CIDR; please recreate service',
    ]);
    c.put(service('c', { clusterIP: '10.1.1.1', clusterIPs: ['10.1.1.1'], selector: { a: 'b' } }));
    await c.simulation.advance(200);
    const series = [...c.cache.list(c.resource('events.k8s.io', 'events'))].map((e) => e['series']);
    expect(series[2]).toMatchObject({ count: 2 });
    a.stop();
  });
  it('tells of node ports that are lost, shared or out of range', async () => {
    const [c, a] = await begun();
    const ports = (...list: number[]) => ({ type: 'NodePort' as const, ports: list.map((nodePort, i) => ({ port: i + 1, nodePort, protocol: 'TCP' as const })) });
    c.put(service('a', ports(30_001)));
    c.put(service('b', ports(30_001, 29_000)));
    await a.repair();
    expect(events(c)).toEqual([
      'PortNotAllocated Port 30001 is not allocated; repairing',
      'PortAlreadyAllocated Port 30001 was assigned to multiple services; please recreate service',
      'PortOutOfRange Port 29000 is not within the port range 30000-32767; please recreate service',
    ]);
    a.stop();
  }); // prettier-ignore
});

describe('a rehearsal', () => {
  it('takes nothing, and gives what the real server gives', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    const lb = service('lb', {
      type: 'LoadBalancer', externalTrafficPolicy: 'Local', ports: [{ port: 1 }, { port: 2 }],
    }); // prettier-ignore
    expect(await create(c, a, lb, true)).toMatchObject({
      spec: {
        clusterIP: '10.96.0.0',
        ports: [{ nodePort: 32_769 }, { nodePort: 32_770 }],
        healthCheckNodePort: 32_771,
      },
    });
    expect(await create(c, a, service('x', { clusterIP: '10.0.0.1' }), true)).toContain(
      'failed to allocate IP 10.0.0.1: the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
    );
    expect([addresses(c), c.claims.keys.size]).toEqual([[], 0]);
  });
});

describe('ranges', () => {
  const range = (name: string, cidr: string, status?: object) => ({
    kind: 'ServiceCIDR', apiVersion: 'networking.k8s.io/v1', metadata: { name }, spec: { cidrs: [cidr] }, ...(status && { status }),
  }); // prettier-ignore
  it('are those of ServiceCIDRs that are ready, or say nothing', async () => {
    const c = fakeCluster();
    const a = allocationOf(c);
    c.put(range('kubernetes', '10.96.0.0/16', { conditions: [{ type: 'Ready', status: 'False' }] }));
    const full = 'Internal error occurred: failed to allocate a serviceIP for Service "a": range is full';
    expect(await create(c, a, service('a'))).toBe(full);
    expect(await create(c, a, service('a', { clusterIP: '10.96.0.9' }))).toContain('does not match the current range');
    c.put(range('more', '10.1.2.0/24'));
    expect(((await create(c, a, service('a'))) as Service).spec!.clusterIP).toMatch(/^10\.1\.2\./);
  });
});

describe('of two families', () => {
  const both = { serviceCidrs: ['10.96.0.0/16', 'fd00:10:96::/112'] };
  it('services gain and lose the second address, and keep the first', async () => {
    const c = fakeCluster();
    const a = allocationOf(c, both);
    const one = (await create(c, a, service('a'))) as Service;
    const [first] = one.spec!.clusterIPs!;
    const two = (await update(c, a, service('a', { ipFamilyPolicy: 'RequireDualStack' }))) as Service;
    expect(two.spec!.ipFamilies).toEqual(['IPv4', 'IPv6']);
    expect(two.spec!.clusterIPs).toEqual([first, expect.stringMatching(/^fd00:10:96::/)]);
    expect(addresses(c)).toEqual([...two.spec!.clusterIPs!].sort());
    const less = (await update(c, a, { ...two, spec: { ...two.spec!, ipFamilyPolicy: 'SingleStack' } })) as Service;
    expect([less.spec!.clusterIPs, less.spec!.ipFamilies, addresses(c)]).toEqual([[first], ['IPv4'], [first]]);
  });
  it.each([
    ['preferring both', { ipFamilyPolicy: 'PreferDualStack' }, ['IPv4', 'IPv6']],
    ['the other alone', { ipFamilies: ['IPv6'] }, ['IPv6']],
    ['both the other way round', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'] }, ['IPv6', 'IPv4']],
  ] as const)('%s', async (_, spec, families) => {
    const c = fakeCluster();
    const made = (await create(c, allocationOf(c, both), service('a', spec as Partial<ServiceSpec>))) as Service;
    expect([made.spec!.ipFamilies, made.spec!.clusterIPs!.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4'))]).toEqual([families, families]);
  }); // prettier-ignore
});

it('counts what it gives and what it cannot give', async () => {
  const c = fakeCluster();
  const metrics = createMetrics();
  const a = allocationOf(c, { metrics, serviceCidrs: ['10.96.0.0/29'] });
  await create(c, a, service('a', { clusterIP: '10.96.0.1', type: 'NodePort', ports: [{ port: 80, nodePort: 30_005, protocol: 'TCP' }] })); // prettier-ignore
  await create(c, a, service('b', { clusterIP: '10.96.0.1' }));
  await create(c, a, service('c', { type: 'NodePort', ports: [{ port: 80, nodePort: 80, protocol: 'TCP' }] }));
  for (const name of ['d', 'e', 'f', 'g', 'h', 'i']) await create(c, a, service(name, name === 'd' ? { type: 'NodePort' } : {})); // prettier-ignore
  const text = (await metrics.render())
    .split('\n')
    .filter((line) => /_allocator_/.test(line) && !/^#|_bucket|_sum/.test(line));
  expect(text.sort()).toEqual([
    'kube_apiserver_clusterip_allocator_allocated_ips{cidr="10.96.0.0/29"} 6',
    'kube_apiserver_clusterip_allocator_allocation_duration_seconds_count{cidr="10.96.0.0/29"} 7',
    'kube_apiserver_clusterip_allocator_allocation_errors_total{cidr="10.96.0.0/29",scope="dynamic"} 1',
    'kube_apiserver_clusterip_allocator_allocation_errors_total{cidr="10.96.0.0/29",scope="static"} 1',
    'kube_apiserver_clusterip_allocator_allocation_total{cidr="10.96.0.0/29",scope="dynamic"} 6',
    'kube_apiserver_clusterip_allocator_allocation_total{cidr="10.96.0.0/29",scope="static"} 1',
    'kube_apiserver_clusterip_allocator_available_ips{cidr="10.96.0.0/29"} 0',
    'kube_apiserver_nodeport_allocator_allocated_ports 2',
    'kube_apiserver_nodeport_allocator_allocation_errors_total{scope="static"} 1',
    'kube_apiserver_nodeport_allocator_allocation_total{scope="dynamic"} 1',
    'kube_apiserver_nodeport_allocator_allocation_total{scope="static"} 1',
    'kube_apiserver_nodeport_allocator_available_ports 2766',
  ]);
});
