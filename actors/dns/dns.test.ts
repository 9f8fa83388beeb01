import { execFile } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import type { Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { endpointSlices, namespaces, services } from '../runtime/resources.ts';
import { fakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld } from '../runtime/testing/world.ts';
import { startDns, type DnsOptions } from './actor.ts';
import { dnsService, serviceAddress } from './service.ts';
import { askTcp, askUdp } from './testing/ask.ts';
import { NAMESPACES, SERVICES, SLICES } from './testing/objects.ts';
import { question, read } from './testing/packets.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
const WEB = 'web.shop.svc.cluster.local';

async function cluster(o: Partial<DnsOptions> & { readonly without?: string } = {}) {
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client();
  for (const name of NAMESPACES)
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const service of SERVICES) if (service.metadata.name !== o.without) await client.create(services, service);
  for (const slice of SLICES) await client.create(endpointSlices, slice);
  const hub = createMemoryHub({});
  const start = (id = 'dns-1') => {
    const dns = startDns({
      world, bus: hub.connect(id, { world }), id, client: api.client('dns'), host: '127.0.0.1', port: 0, domain: 'cluster.local', upstreams: [], ...o,
    }); // prettier-ignore
    ends.push(() => dns.stop());
    return dns;
  };
  return { world, api, client, start };
}
const inState = (dns: { state(): string }, state: string) => expect.poll(() => dns.state()).toBe(state);

describe('a name server', () => {
  it('answers by UDP and TCP on one port, several questions of a connection too', async () => {
    const dns = (await cluster()).start();
    await dns.ready;
    expect(read(await askUdp(question(WEB, 'A'), dns.port)).answers).toEqual([`${WEB}. 30 A 10.96.0.20`]);
    const asked = [1, 2, 3].map((id) => question(id === 2 ? 'db.shop.svc.cluster.local' : WEB, 'A', { id }));
    const answers = (await askTcp(asked, dns.port)).map(read);
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(answers[1]!.answers).toHaveLength(4);
  });
  it('follows the cluster', async () => {
    const { client, start } = await cluster();
    const dns = start();
    await dns.ready;
    const now = async () => read(await askUdp(question(WEB, 'A'), dns.port)).answers.join();
    expect(await now()).toContain('10.96.0.20');
    await client.delete(services, 'web', 'shop');
    await expect.poll(now).toBe('');
    await client.create(services, { ...SERVICES[1]!, spec: { ...SERVICES[1]!.spec, clusterIP: '10.96.0.99', clusterIPs: ['10.96.0.99'] } }); // prettier-ignore
    await expect.poll(now).toContain('10.96.0.99');
    await client.delete(endpointSlices, 'db-1', 'shop');
    const db = question('db.shop.svc.cluster.local', 'A');
    await expect.poll(async () => read(await askUdp(db, dns.port)).answers).toHaveLength(1);
  });
  it('says nothing before it knows the cluster; after five seconds that it does not know', async () => {
    const { world, api, start } = await cluster();
    let isDown = true;
    api.intercept = () => {
      if (isDown) throw new ApiError('ServiceUnavailable', 'not yet');
    };
    const dns = start();
    await world.advance(4_900);
    expect(dns.state()).toBe('learning');
    await world.advance(200);
    await inState(dns, 'serving.others');
    await dns.ready;
    expect(read(await askUdp(question(WEB, 'A'), dns.port)).rcode).toBe('SERVFAIL');
    isDown = false;
    await world.advance(20_000);
    await inState(dns, 'serving.all.introduced');
    expect(read(await askUdp(question(WEB, 'A'), dns.port)).rcode).toBe('NOERROR');
  });
  it('makes its service, if there is none', async () => {
    const { api, start } = await cluster({ without: 'kube-dns', serviceAddress: '10.96.0.10' });
    await inState(start(), 'serving.all.introduced');
    expect(api.object<Service>(services, 'kube-system/kube-dns')?.spec).toMatchObject({
      clusterIP: '10.96.0.10',
      ports: [{ name: 'dns', port: 53, protocol: 'UDP' }, { name: 'dns-tcp', protocol: 'TCP' }, { name: 'metrics', port: 9153 }], // prettier-ignore
    });
    // The second of two finds it there.
    await inState(start('dns-2'), 'serving.all.introduced');
    expect(api.calls.filter(({ verb, caller }) => verb === 'create' && caller === 'dns')).toHaveLength(1);
  });
  it('leaves the service of another as it is', async () => {
    const { api, start } = await cluster({ serviceAddress: '10.96.0.77' });
    await inState(start(), 'serving.all.introduced');
    expect(api.object<Service>(services, 'kube-system/kube-dns')?.spec?.clusterIP).toBe('10.96.0.10');
  });
  it('leads pods to itself where none of them is a name server, and away from who is gone', async () => {
    const { world, api, client, start } = await cluster({ without: 'kube-dns', serviceAddress: '10.96.0.10', reachedAt: '127.0.0.2' }); // prettier-ignore
    const dns = start();
    await inState(dns, 'serving.all.introduced');
    const service = api.object<Service>(services, 'kube-system/kube-dns');
    expect(service?.spec?.selector).toBeUndefined();
    const slice = api.object<EndpointSlice>(endpointSlices, 'kube-system/kube-dns-127-0-0-2-dns');
    expect(slice).toMatchObject({
      metadata: { labels: { 'kubernetes.io/service-name': 'kube-dns' }, ownerReferences: [{ uid: service?.metadata.uid }] },
      endpoints: [{ addresses: ['127.0.0.2'], conditions: { ready: true } }],
      ports: [{ name: 'dns', port: dns.port, protocol: 'UDP' }, { name: 'dns-tcp', port: dns.port, protocol: 'TCP' }],
    }); // prettier-ignore
    expect(read(await askUdp(question(WEB, 'A'), dns.port, undefined, '127.0.0.2')).answers).toHaveLength(1);
    const other = (name: string, port: number): EndpointSlice => ({ ...slice!, metadata: { name, namespace: 'kube-system', labels: slice!.metadata.labels }, ports: [{ name: 'dns', port, protocol: 'UDP' }] }); // prettier-ignore
    await client.create(endpointSlices, other('gone', 1));
    await client.create(endpointSlices, other('there', dns.port));
    await client.delete(endpointSlices, slice!.metadata.name!, 'kube-system');
    const names = (): string[] => api.objects<EndpointSlice>(endpointSlices, 'kube-system').map(({ metadata }) => metadata.name!).toSorted(); // prettier-ignore
    for (const expected of [
      ['gone', 'kube-dns-127-0-0-2-dns', 'there'],
      ['kube-dns-127-0-0-2-dns', 'there'],
    ]) {
      await world.advance(60_000);
      await expect.poll(names).toEqual(expected);
      await inState(dns, 'serving.all.introduced');
    }
  });
  it('leaves a service to the pods that it selects', async () => {
    const { api, client, start } = await cluster({ without: 'kube-dns', serviceAddress: '10.96.0.10', reachedAt: '127.0.0.2' }); // prettier-ignore
    await client.create(services, dnsService('10.96.0.10', true));
    await inState(start(), 'serving.all.introduced');
    expect(api.object<EndpointSlice>(endpointSlices, 'kube-system/kube-dns-127-0-0-2-dns')).toBeUndefined();
  });
  it('tries again to make it where it may not, and answers all the same', async () => {
    const { world, api, start } = await cluster({ without: 'kube-dns', serviceAddress: '10.96.0.10' });
    let mayNot = true;
    api.intercept = ({ verb }) => {
      if (mayNot && verb === 'create') throw new ApiError('Forbidden', 'no');
    };
    const dns = start();
    await inState(dns, 'serving.all.unknown');
    expect(read(await askUdp(question(WEB, 'A'), dns.port)).rcode).toBe('NOERROR');
    await world.advance(10_000);
    expect(world.complaints.map(({ message }) => message)).toContain('the service kube-system/kube-dns could not be made'); // prettier-ignore
    mayNot = false;
    await world.advance(60_000);
    await inState(dns, 'serving.all.introduced');
  });
  it('shares its port with another of the same cluster, and leaves it to it', async () => {
    const { start } = await cluster();
    const first = start();
    await first.ready;
    const second = (await cluster({ port: first.port })).start();
    await second.ready;
    await first.stop();
    expect(read(await askUdp(question(WEB, 'A'), second.port)).rcode).toBe('NOERROR');
    expect(await askTcp([question(WEB, 'A')], second.port)).toHaveLength(1);
  });
  it('says that the port is another program’s', async () => {
    const { createServer } = await import('node:net');
    const other = createServer().listen(0, '127.0.0.1');
    ends.push(() => new Promise((done) => other.close(done)));
    await new Promise((listening) => other.once('listening', listening));
    const { port } = other.address() as { port: number };
    const dns = (await cluster({ port })).start();
    await expect(dns.ready).rejects.toThrow(
      `nothing can listen on port ${port} of 127.0.0.1 (listen EADDRINUSE: address already in use 127.0.0.1:${port}): choose another with --dns-port N`,
    );
    expect(dns.state()).toBe('closed');
  });
  it('is not held up by who connects and says nothing, or nonsense', async () => {
    const dns = (await cluster()).start();
    await dns.ready;
    const quiet = connect(dns.port, '127.0.0.1');
    const half = connect(dns.port, '127.0.0.1', () => half.write(Buffer.from([0, 40, 1])));
    const nonsense = connect(dns.port, '127.0.0.1');
    for (const socket of [quiet, half, nonsense]) socket.on('error', () => undefined);
    const ended = new Promise((closed) => nonsense.once('close', closed));
    nonsense.write(Buffer.concat([Buffer.from([0, 12]), Buffer.alloc(12, 0xff)]));
    await ended;
    expect(await askTcp([question(WEB, 'A')], dns.port)).toHaveLength(1);
    quiet.destroy();
    half.destroy();
  });
  it('refuses a domain that is none', async () => {
    const { start } = await cluster({ domain: 'a..b' });
    expect(start).toThrow('"a..b" can be no cluster\'s domain: choose one such as cluster.local');
  });
});

describe('people’s tools understand it', () => {
  it('the resolver of Node', async () => {
    const dns = (await cluster()).start();
    await dns.ready;
    const resolver = new Resolver({ timeout: 5_000, tries: 2 });
    resolver.setServers([`127.0.0.1:${dns.port}`]);
    expect((await resolver.resolve4('db.shop.svc.cluster.local')).toSorted()).toEqual(['10.244.1.1', '10.244.1.2', '10.244.1.4', '10.244.1.5']); // prettier-ignore
    expect(await resolver.resolve6('six.shop.svc.cluster.local')).toEqual(['fd00:10:96::22']);
    expect(await resolver.resolveSrv('_http._tcp.web.shop.svc.cluster.local')).toMatchObject([{ name: WEB, port: 80, priority: 0, weight: 100 }]); // prettier-ignore
    expect(await resolver.reverse('10.244.1.1')).toEqual(['db-0.db.shop.svc.cluster.local']);
    expect(await resolver.resolveTxt('dns-version.cluster.local')).toEqual([['1.1.0']]);
    expect(await resolver.resolveCname('alias.shop.svc.cluster.local')).toEqual([WEB]);
    expect(await resolver.resolveSoa('cluster.local')).toMatchObject({ nsname: 'ns.dns.cluster.local', minttl: 30 });
    await expect(resolver.resolve4('nothing.shop.svc.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6(WEB)).rejects.toMatchObject({ code: 'ENODATA' });
  });
  it('the resolver of Node by IPv6, where this machine has that', async ({ skip }) => {
    if (!Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1')))
      return skip('this machine has no ::1: nothing was asked by IPv6');
    const dns = (await cluster({ host: '::1', without: 'kube-dns' })).start();
    await dns.ready;
    const resolver = new Resolver({ timeout: 5_000, tries: 2 });
    resolver.setServers([`[::1]:${dns.port}`]);
    expect(await resolver.resolve4(WEB)).toEqual(['10.96.0.20']);
    expect(await resolver.resolveNs('cluster.local')).toEqual(['ns.dns.cluster.local']);
    expect(await resolver.resolve6('ns.dns.cluster.local')).toEqual(['::1']);
  });
  it('dig, where it is installed', async ({ skip }) => {
    const dns = (await cluster()).start();
    await dns.ready;
    const run = promisify(execFile);
    const dig = async (...args: string[]) =>
      (await run('dig', ['@127.0.0.1', '-p', String(dns.port), '+time=5', '+tries=1', ...args])).stdout;
    const version = await run('dig', ['-v']).catch(() => undefined);
    if (version === undefined) return skip('there is no dig on this machine: nothing was asked with it');
    for (const more of [[], ['+tcp'], ['+noedns'], ['+bufsize=512'], ['+dnssec']]) {
      const text = await dig('-t', 'SRV', '_sql._tcp.db.shop.svc.cluster.local', ...more);
      expect(text).toContain('status: NOERROR');
      expect(text.match(/\sSRV\s+0 25 543[23] /g)).toHaveLength(4);
      expect(text).not.toMatch(/malformed|bad packet|WARNING: (?!\.local|recursion)/i);
    }
    expect(await dig('+short', '-x', 'fd00:10:96::21')).toBe('dual.shop.svc.cluster.local.\n');
    expect(await dig('nothing.shop.svc.cluster.local')).toMatch(/status: NXDOMAIN[^]*SOA\s+ns\.dns\.cluster\.local\. hostmaster\.cluster\.local\. \d+ 7200 1800 86400 30/); // prettier-ignore
    expect(await dig('+opcode=notify', WEB)).toContain('status: NOTIMP');
    expect(await dig('+edns=1', '+noednsnegotiation', WEB)).toContain('status: BADVERS');
  });
});

it.each([
  ['10.96.0.0/16', '10.96.0.10'],
  ['10.0.0.0/28', '10.0.0.10'],
  ['10.0.0.0/29', undefined],
  ['fd00:10:96::/112', 'fd00:10:96::a'],
  ['nothing', undefined],
])('of the range %s the service has the address %s', (cidr, address) => expect(serviceAddress(cidr)).toBe(address));
