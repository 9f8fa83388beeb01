import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Node, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { PodAddress } from '../../runtime/pod-dialer.ts';
import { endpointSlices, nodes, services } from '../../runtime/resources.ts';
import { createInformers } from '../../runtime/informer.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { startService } from '../service/actor.ts';
import { told } from '../testing/fake-cloud.ts';
import { createLocalProvider } from './provider.ts';

/** What is to be ended after a test. */
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
const listen = async (host: string, onSocket: (socket: Socket) => void, port = 0): Promise<Server> => {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  server.listen(port, host);
  await once(server, 'listening');
  ends.push(() => server.close());
  return server;
};
const portOf = (server: Server): number => (server.address() as AddressInfo).port;
/** A port that is free on this machine now. */
const freePort = async (): Promise<number> => {
  const server = await listen('127.0.0.1', () => undefined);
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
};
/** One that says who it is, and then what it hears. */
const speaker = async (name: string): Promise<number> =>
  portOf(
    await listen('127.0.0.1', (socket) => {
      socket.on('error', () => undefined);
      socket.write(`${name}:`);
      socket.pipe(socket);
    }),
  );
const RANGE = (): string => `127.${100 + (process.pid % 100)}.${(ends.length % 200) + 1}.0/28`;

interface Bench extends TestCluster {
  readonly dialled: PodAddress[];
  put(name: string, spec?: object, metadata?: object): Promise<Service>;
  endpoints(of: string, ports: readonly number[], more?: object): Promise<unknown>;
  ip(name: string): string | undefined;
}
/** One or two replicas of the local cloud's service controller, the first of which leads. */
async function bench(range = RANGE(), dial?: (to: PodAddress) => Promise<Duplex>): Promise<Bench & { handOver(): Promise<void> }> {
  const c = testCluster();
  const dialled: PodAddress[] = [];
  const reach = (to: PodAddress): Promise<Duplex> => {
    dialled.push(to);
    if (dial) return dial(to);
    const socket = connect({ port: to.port, host: '127.0.0.1', allowHalfOpen: true });
    return once(socket, 'connect').then(() => socket);
  };
  const replica = (active: boolean) => {
    const { informers, world } = testClusterOf(c);
    const cloud = createLocalProvider({ world, informers, client: c.client, ranges: [range], dial: reach, addressOf: () => '10.0.0.1' });
    const controller = startService({ ...c.deps, informers, active, cloud }, cloud.loadBalancers!);
    ends.push(() => cloud.stop(), () => controller.stop());
    return { cloud, controller };
  };
  const [first, second] = [replica(true), replica(false)];
  await c.client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  await c.quiet();
  return {
    ...c,
    dialled,
    async put(name, spec = {}, metadata = {}) {
      const made = await c.client.create<Service>(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'd', ...metadata }, spec: { type: 'LoadBalancer', ...spec } });
      await settled(c, () => c.api.object<Service>(services, `d/${name}`)?.status?.loadBalancer?.ingress !== undefined);
      return made;
    },
    endpoints: async (of, ports, more = {}) => {
      const slice: EndpointSlice = {
        apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4',
        metadata: { name: of, namespace: 'd', labels: { 'kubernetes.io/service-name': of } },
        ports: [{ name: '', port: 1, protocol: 'TCP' }],
      };
      for (const { metadata } of c.list<EndpointSlice>(endpointSlices, 'd')) await c.client.delete(endpointSlices, metadata.name!, 'd');
      for (const [i, port] of ports.entries())
        await c.client.create<EndpointSlice>(endpointSlices, { ...slice, metadata: { ...slice.metadata, name: `${of}-${i}` }, ports: [{ name: '', port, protocol: 'TCP' }], endpoints: [{ addresses: [`10.0.0.${i}`], nodeName: 'n1', conditions: { ready: true }, ...more }] });
      await c.quiet();
    },
    ip: (name) => c.api.object<Service>(services, `d/${name}`)?.status?.loadBalancer?.ingress?.[0]?.ip,
    async handOver() {
      first.controller.deactivate();
      await first.cloud.loadBalancers!.lead!(false);
      second.controller.activate();
      await c.quiet();
    },
  };
} // prettier-ignore
/** Its own caches, as another process has them. */
function testClusterOf(c: TestCluster) {
  const { world } = c;
  const informers = createInformers(c.api.client('cloud-controller-manager'), world);
  return { world, informers };
}
/** Sockets take their own time; the world's goes on by `stepMs` each time that is looked. */
async function settled(c: TestCluster, isTrue: () => boolean, stepMs = 5): Promise<void> {
  for (let i = 0; i < 2_000 && !isTrue(); i++) {
    await c.world.advance(stepMs);
    await delay(1);
  }
  expect(isTrue()).toBe(true);
}
/** What comes from there when this is sent, until the other side ends. */
function ask(host: string, port: number, text = 'hi', localAddress?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = '';
    const socket = connect({ host, port, ...(localAddress && { localAddress }) }, () => socket.end(text));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => (got += chunk));
    socket.on('end', () => resolve(got));
    socket.on('error', reject);
  });
}

describe('a load balancer', () => {
  it('is for nodes to stand in for where pods reach this machine, but not at its loopback addresses', async () => {
    const c = testCluster();
    const { informers, world } = testClusterOf(c);
    const claimed: string[] = [];
    const claim = (ip: string): Promise<void> => Promise.resolve(void claimed.push(ip));
    const cloud = (range: string, areRouted?: boolean) => createLocalProvider({ world, informers, client: c.client, ranges: [range], areRouted, claim, dial: () => Promise.reject(new Error('nobody')), addressOf: () => '10.0.0.1' }).loadBalancers!; // prettier-ignore
    const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a', namespace: 'd', uid: 'u' }, spec: { type: 'LoadBalancer', ports: [] } }; // prettier-ignore
    const { signal } = new AbortController();
    const told: unknown[] = [];
    for (const [range, areRouted] of [['198.18.251.0/31', true], ['127.9.9.2/32', true], ['127.9.9.2/32']] as const) {
      const balancers = cloud(range, areRouted);
      await balancers.lead!(true);
      await balancers.ensure(service, [], signal);
      told.push((await balancers.get(service, signal))?.ingress);
    }
    expect(told).toEqual([[{ ip: '198.18.251.0', ipMode: 'VIP' }], [{ ip: '127.9.9.2', ipMode: 'Proxy' }], [{ ip: '127.9.9.2', ipMode: 'Proxy' }]]); // prettier-ignore
    expect(claimed).toEqual(['198.18.251.0', '127.9.9.2', '127.9.9.2']);
  });
  it('has an address that works, and passes on to its endpoints in turn', async () => {
    const c = await bench();
    const port = await freePort();
    await c.put('web', { ports: [{ port, protocol: 'TCP' }] });
    expect(c.ip('web')).toMatch(/^127\..*\.1$/);
    expect(c.api.object<Service>(services, 'd/web')!.status!.loadBalancer!.ingress![0]!.ipMode).toBe('Proxy');
    await c.endpoints('web', [await speaker('a'), await speaker('b')]);
    const answers = [await ask(c.ip('web')!, port), await ask(c.ip('web')!, port), await ask(c.ip('web')!, port)];
    expect(answers).toEqual(['a:hi', 'b:hi', 'a:hi']);
  });
  it('carries much, both ways, and each side’s end for itself', async () => {
    const c = await bench();
    const port = await freePort();
    await c.put('web', { ports: [{ port, protocol: 'TCP' }] });
    await c.endpoints('web', [await speaker('a')]);
    const text = 'x'.repeat(3_000_000);
    expect((await ask(c.ip('web')!, port, text)).length).toBe(text.length + 2);
  });
  it('refuses where nothing is ready, and tries another where one cannot be reached', async () => {
    const c = await bench();
    const port = await freePort();
    await c.put('web', { ports: [{ port, protocol: 'TCP' }] });
    await expect(ask(c.ip('web')!, port)).rejects.toThrow(/ECONNRESET/);
    await c.endpoints('web', [await freePort(), await speaker('b')]);
    for (let i = 0; i < 3; i++) expect(await ask(c.ip('web')!, port)).toBe('b:hi');
    await c.endpoints('web', [await freePort()]);
    await expect(ask(c.ip('web')!, port)).rejects.toThrow(/ECONNRESET/);
  });
  it('keeps a client at one endpoint where that is wanted, and lets in whom the Service admits', async () => {
    const c = await bench();
    const port = await freePort();
    const spec = { sessionAffinity: 'ClientIP', loadBalancerSourceRanges: ['127.0.0.0/30'] };
    await c.put('web', { ports: [{ port, protocol: 'TCP' }], ...spec });
    await c.endpoints('web', [await speaker('a'), await speaker('b')]);
    const from = (client: string): Promise<string> => ask(c.ip('web')!, port, '', client);
    expect(await Promise.all(['127.0.0.1', '127.0.0.1', '127.0.0.1'].map(from))).toEqual(['a:', 'a:', 'a:']);
    expect([await from('127.0.0.2'), await from('127.0.0.1'), await from('127.0.0.2')]).toEqual(['b:', 'a:', 'b:']);
    await expect(from('127.0.0.9')).rejects.toThrow(/ECONNRESET/);
  });
  it('passes datagrams on, those of a client to one endpoint, beside connections to the same port', async () => {
    const echo = async (name: string): Promise<number> => {
      const socket = createSocket('udp4');
      socket.on('message', (text, from) => socket.send(`${name}:${String(text)}`, from.port, from.address));
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      ends.push(() => socket.close());
      return socket.address().port;
    };
    const c = await bench();
    const port = await freePort();
    await c.put('dns', { ports: [{ name: 'u', port, protocol: 'UDP' }, { name: 't', port, protocol: 'TCP' }] }); // prettier-ignore
    for (const [i, backend] of [await echo('a'), await echo('b')].entries())
      await c.client.create<EndpointSlice>(endpointSlices, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', metadata: { name: `s${i}`, namespace: 'd', labels: { 'kubernetes.io/service-name': 'dns' } }, ports: [{ name: 'u', port: backend, protocol: 'UDP' }], endpoints: [{ addresses: ['127.0.0.1'], nodeName: 'n1' }] }); // prettier-ignore
    await c.quiet();
    const client = async (): Promise<string[]> => {
      const socket = createSocket('udp4');
      const got: string[] = [];
      socket.on('message', (text) => got.push(String(text)));
      for (const text of ['1', '2', '3']) socket.send(text, port, c.ip('dns'));
      await settled(c, () => got.length === 3);
      socket.close();
      return got.toSorted();
    };
    // Which of the two comes first nobody says.
    expect([await client(), await client()].toSorted()).toEqual([
      ['a:1', 'a:2', 'a:3'],
      ['b:1', 'b:2', 'b:3'],
    ]);
    const ip = c.ip('dns')!;
    await c.client.delete(services, 'dns', 'd');
    await settled(c, () => c.api.object(services, 'd/dns') === undefined);
    const again = createSocket('udp4');
    again.bind(port, ip);
    await once(again, 'listening');
    again.close();
  });
  it('ends with its Service, connections too', async () => {
    const c = await bench();
    const port = await freePort();
    await c.put('web', { ports: [{ port, protocol: 'TCP' }] });
    await c.endpoints('web', [await speaker('a')]);
    const ip = c.ip('web')!;
    const socket = connect({ host: ip, port });
    await once(socket, 'data');
    await c.client.delete(services, 'web', 'd');
    await Promise.all([once(socket, 'close'), settled(c, () => c.api.object(services, 'd/web') === undefined)]);
    await expect(ask(ip, port)).rejects.toThrow(/ECONNREFUSED/);
  });
  it('closes a port that is no longer wanted, and leaves the others as they are', async () => {
    const c = await bench();
    const [one, two, three] = [await freePort(), await freePort(), await freePort()];
    const ports = (...all: number[]) => all.map((port) => ({ name: `p${port}`, port, protocol: 'TCP' }));
    await c.put('web', { ports: ports(one, two) });
    const ip = c.ip('web')!;
    const backend = await speaker('a');
    await c.client.create<EndpointSlice>(endpointSlices, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', metadata: { name: 's', namespace: 'd', labels: { 'kubernetes.io/service-name': 'web' } }, ports: [one, two, three].map((port) => ({ name: `p${port}`, port: backend, protocol: 'TCP' as const })), endpoints: [{ addresses: ['10.0.0.1'], nodeName: 'n1' }] }); // prettier-ignore
    const kept = connect({ host: ip, port: one });
    await once(kept, 'data');
    await c.client.patch(services, 'web', 'd', 'merge', { spec: { ports: ports(one, three) } });
    await c.quiet();
    expect(await ask(ip, three)).toBe('a:hi');
    await expect(ask(ip, two)).rejects.toThrow(/ECONNREFUSED/);
    kept.end('still here');
    expect(String(await once(kept, 'data'))).toBe('still here');
  });
  it('dies with neither side: a client that leaves, an endpoint that breaks off', async () => {
    const ended: string[] = [];
    const backend = await listen('127.0.0.1', (socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => ended.push(error.code ?? ''));
      socket.once('data', (chunk) => (String(chunk) === 'break' ? socket.resetAndDestroy() : socket.write('ok')));
    });
    const c = await bench();
    const port = await freePort();
    await c.put('web', { ports: [{ port, protocol: 'TCP' }] });
    await c.endpoints('web', [portOf(backend)]);
    const leaving = connect({ host: c.ip('web')!, port }, () => leaving.write('hello'));
    await once(leaving, 'data');
    leaving.resetAndDestroy();
    await settled(c, () => ended.length === 1);
    const broken = connect({ host: c.ip('web')!, port }, () => broken.write('break'));
    const [error] = (await once(broken, 'error')) as [NodeJS.ErrnoException];
    expect([...ended, error.code]).toEqual(['ECONNRESET', 'ECONNRESET']);
  });
});
describe('addresses', () => {
  it('are nobody’s twice, also when another replica takes over, and are free again with their Service', async () => {
    const c = await bench();
    const port = await freePort();
    for (const name of ['a', 'b']) await c.put(name, { ports: [{ port, protocol: 'TCP' }] });
    const [a, b] = [c.ip('a')!, c.ip('b')!];
    await c.endpoints('a', [await speaker('a')]);
    const during = connect({ host: a, port });
    await once(during, 'data');
    await c.handOver();
    await settled(c, () => told(c).filter((text) => text.startsWith('Ensured')).length === 4);
    expect([c.ip('a'), c.ip('b')]).toEqual([a, b]);
    // What the former leader carries goes on.
    during.end('on');
    expect(String(await once(during, 'data'))).toBe('on');
    expect(await ask(a, port)).toBe('a:hi');
    await c.put('c', { ports: [{ port, protocol: 'TCP' }] });
    expect(new Set([a, b, c.ip('c')]).size).toBe(3);
    await c.client.delete(services, 'a', 'd');
    await settled(c, () => c.api.object(services, 'd/a') === undefined);
    await c.put('d', { ports: [{ port, protocol: 'TCP' }] });
    expect(c.ip('d')).toBe(a);
  });
  it('are told of where there is none', async () => {
    const c = await bench();
    const port = await freePort();
    const taken = await listen('0.0.0.0', () => undefined);
    const cases: [string, object, RegExp][] = [
      ['used', { ports: [{ port: portOf(taken) }] }, /cannot listen on 127\.\S+ \(EADDRINUSE\): another process/],
      [
        'sctp',
        { ports: [{ port, protocol: 'SCTP' }] },
        /port \d+ is SCTP: the load balancers of this cloud carry TCP and UDP/,
      ],
      ['six', { ports: [{ port }], ipFamilies: ['IPv6'] }, /wants an address of IPv6, and 127\.\S+ has none/],
      [
        'other',
        { ports: [{ port }], loadBalancerIP: '10.0.0.1' },
        /spec\.loadBalancerIP 10\.0\.0\.1 is not an address/,
      ],
      ['nonsense', { ports: [{ port }], loadBalancerSourceRanges: ['x'] }, /Expecting a list of IP ranges/],
    ];
    for (const [name, spec] of cases)
      await c.client.create<Service>(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'd' }, spec: { type: 'LoadBalancer', ...spec } }); // prettier-ignore
    const failures = (): string[] => told(c).filter((text) => text.startsWith('SyncLoadBalancerFailed'));
    await settled(c, () => failures().length === cases.length);
    for (const [name, , text] of cases) {
      expect(
        failures().some((message) => text.test(message)),
        name,
      ).toBe(true);
      expect(c.ip(name)).toBeUndefined();
    }
    // Once the other process is gone it works.
    taken.close();
    await settled(c, () => c.ip('used') !== undefined, 500);
    expect(c.ip('used')).toBeDefined();
  });
});
