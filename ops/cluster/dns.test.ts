import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkDns, dnsArguments, dnsExample, dnsObstacle, settleDns, upstreamsOf, type DnsFlags } from './dns.ts';

const ends: (() => void)[] = [];
afterEach(() => ends.splice(0).forEach((end) => end()));

describe('flags of a name server', () => {
  it.each<[DnsFlags, string | undefined]>([
    [{}, undefined],
    [{ dnsPort: 5300, dnsHost: '::1', clusterDomain: 'k8s.example.org', dnsUpstream: ['10.0.0.2', '[fd00::2]:53'], dnsPods: 'verified' }, undefined],
    [{ dnsUpstream: ['none'] }, undefined],
    [{ dnsReachedAt: 'auto' }, undefined],
    [{ dnsReachedAt: 'eth0' }, '--dns-reached-at takes an address of this machine that pods reach, or auto, not "eth0"'],
    [{ dnsHost: 'localhost' }, '--dns-host takes an address of this machine, such as 127.0.0.1, not "localhost"'],
    [{ clusterDomain: 'a_b.local' }, '--cluster-domain "a_b.local" can be no domain: choose one such as cluster.local'],
    [{ clusterDomain: '' }, '--cluster-domain "" can be no domain: choose one such as cluster.local'],
    [{ clusterDomain: 'a..b' }, '--cluster-domain "a..b" can be no domain: choose one such as cluster.local'],
    [{ dnsPods: 'all' }, '--dns-pods knows no "all": choose from insecure, verified, disabled'],
    [{ dnsUpstream: ['10.0.0.2', 'none'] }, '--dns-upstream takes addresses such as 10.0.0.2 or [fd00::2]:5353, several with commas, or none; not "none"'],
    [{ dnsUpstream: ['dns.example'] }, '--dns-upstream takes addresses such as 10.0.0.2 or [fd00::2]:5353, several with commas, or none; not "dns.example"'],
  ])('%j: %s', (flags, why) => {
    const check = (): void => checkDns(flags, true, 'kubus run dns');
    if (why === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(why);
  }); // prettier-ignore
  it('are refused where there is no name server', () => {
    expect(() => checkDns({ clusterDomain: 'a.b' }, false, 'kubus up --addons dns')).toThrow('--cluster-domain is for: kubus up --addons dns'); // prettier-ignore
    expect(() => checkDns({}, false, 'kubus up --addons dns')).not.toThrow();
  });
  it('are said again to the process in the background, and resumed from', async () => {
    const flags = { dnsPort: 5300, dnsHost: '::1', clusterDomain: 'a.b', dnsUpstream: ['10.0.0.2', '10.0.0.3'], dnsPods: 'verified', dnsReachedAt: '10.0.0.9' }; // prettier-ignore
    expect(dnsArguments(flags)).toEqual(['--dns-port', '5300', '--dns-host', '::1', '--cluster-domain', 'a.b', '--dns-upstream', '10.0.0.2,10.0.0.3', '--dns-pods', 'verified', '--dns-reached-at', '10.0.0.9']); // prettier-ignore
    const settled = await settleDns(flags, undefined);
    expect(settled).toEqual({ port: 5300, host: '::1', domain: 'a.b', upstreams: ['10.0.0.2', '10.0.0.3'], pods: 'verified', reachedAt: '10.0.0.9' }); // prettier-ignore
    expect(await settleDns({ clusterDomain: 'c.d' }, settled)).toEqual({ ...settled, domain: 'c.d' });
  });
  it('without a port take one that is free', async () => {
    const { port } = await settleDns({ dnsPort: 0 }, undefined);
    expect(await dnsObstacle(port)).toBeUndefined();
    expect((await settleDns({}, undefined)).port).toBeGreaterThan(1023);
  });
  it('name a port that others may have, of TCP or UDP', async () => {
    const tcp = createServer().listen(0, '127.0.0.1');
    await new Promise((listening) => tcp.once('listening', listening));
    const udp = createSocket('udp4');
    await new Promise<void>((bound) => udp.bind(0, '127.0.0.1', bound));
    ends.push(() => void tcp.close(), () => void udp.close()); // prettier-ignore
    const { port } = tcp.address() as { port: number };
    expect(await dnsObstacle(port)).toContain('choose another port with --dns-port N');
    expect(await dnsObstacle(udp.address().port)).toMatch(/^nothing can listen on UDP port \d+ of 127\.0\.0\.1 \(EADDRINUSE\): choose another with --dns-port N$/); // prettier-ignore
  });
  it('tell people how to ask', () => {
    expect(dnsExample({ port: 1053 })).toBe('dig @127.0.0.1 -p 1053 kubernetes.default.svc.cluster.local');
    expect(dnsExample({ port: 53, host: '::', domain: 'a.b' })).toBe('dig @::1 -p 53 kubernetes.default.svc.a.b');
    expect(upstreamsOf(['none'])).toEqual([]);
  });
});
