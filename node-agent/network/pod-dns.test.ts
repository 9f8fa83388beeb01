import { describe, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../schemas/generated/core-v1.ts';
import { parseResolvConf, podDns, resolvConfNews } from './pod-dns.ts';

const node = parseResolvConf('nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch corp.example. . lab.example\noptions timeout:2 rotate\n'); // prettier-ignore
const cluster = { servers: ['10.96.0.10'], domain: 'cluster.local' };
const pod = (spec: Partial<PodSpec>): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', uid: 'u1' }, spec }) as Pod;
const dnsOf = (spec: Partial<PodSpec>) => podDns(pod(spec), node, cluster).dns;

describe("what a pod's resolv.conf says", () => {
  const own = { servers: ['10.0.0.2', '10.0.0.3'], searches: ['corp.example', 'lab.example'], options: ['timeout:2', 'rotate'] }; // prettier-ignore
  const ofCluster = {
    servers: ['10.96.0.10'],
    searches: ['shop.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'corp.example', 'lab.example'],
    options: ['ndots:5'],
  };
  it.each<[string, Partial<PodSpec>, unknown]>([
    ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }, ofCluster],
    ["ClusterFirst in the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }, own],
    ['ClusterFirstWithHostNet', { dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true }, ofCluster],
    ['Default', { dnsPolicy: 'Default' }, own],
    ['None', { dnsPolicy: 'None' }, { servers: [], searches: [], options: [] }],
    [
      'None with its own',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } },
      { servers: ['1.1.1.1'], searches: ['a.b'], options: ['ndots:2', 'edns0'] },
    ],
    [
      'ClusterFirst with its own besides',
      { dnsPolicy: 'ClusterFirst', dnsConfig: { nameservers: ['10.96.0.10', '1.1.1.1'], searches: ['cluster.local', 'a.b'], options: [{ name: 'ndots', value: '2' }] } },
      { servers: ['10.96.0.10', '1.1.1.1'], searches: [...ofCluster.searches, 'a.b'], options: ['ndots:2'] },
    ],
  ])('%s', (_name, spec, expected) => expect(dnsOf(spec)).toEqual(expected)); // prettier-ignore

  it('is of three servers at most, and the others are told of', () => {
    const { dns, news } = podDns(pod({ dnsPolicy: 'Default', dnsConfig: { nameservers: ['1.1.1.1', '2.2.2.2'] } }), node, cluster); // prettier-ignore
    expect(dns.servers).toEqual(['10.0.0.2', '10.0.0.3', '1.1.1.1']);
    expect(news).toEqual([{ about: 'pod', reason: 'DNSConfigForming', message: 'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.0.0.2 10.0.0.3 1.1.1.1' }]); // prettier-ignore
  });
  it.each([
    [32, 'a.example', 32],
    [33, 'a.example', 32],
    [30, 'a'.repeat(60) + '.example', 29],
    [3, 'a'.repeat(254), 0],
  ])('of %i searches like %s it is of %i', (count, like, kept) => {
    const searches = Array.from({ length: count }, (_, i) => `${String(i).padStart(2, '0')}${like}`.slice(0, Math.max(like.length, 9))); // prettier-ignore
    const { dns, news } = podDns(pod({ dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'], searches } }), node, cluster); // prettier-ignore
    expect(dns.searches).toEqual(searches.slice(0, kept));
    expect(dns.searches.join(' ').length).toBeLessThanOrEqual(2048);
    const told = kept === count ? [] : [{ about: 'pod', reason: 'DNSConfigForming', message: `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${dns.searches.join(' ')}` }]; // prettier-ignore
    expect(news).toEqual(told);
  });
  it('is the node’s where the cluster has no name server, which is told', () => {
    const { dns, news } = podDns(pod({ dnsPolicy: 'ClusterFirst' }), node, { servers: [], domain: 'cluster.local' });
    expect(dns).toEqual(own);
    expect(news).toEqual([
      { about: 'node', reason: 'MissingClusterDNS', message: 'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.' },
      { about: 'pod', reason: 'MissingClusterDNS', message: 'pod: "web_shop(u1)". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.' },
    ]); // prettier-ignore
  });
});

describe("the node's resolv.conf", () => {
  it.each([
    ['', { servers: [], searches: [], options: [] }],
    ['# nameserver 1.1.1.1\n  nameserver\t1.1.1.2 x\nsearch a\nsearch b c.\noptions ndots:1\noptions ndots:3 edns0', { servers: ['1.1.1.2'], searches: ['b', 'c'], options: ['ndots:3', 'edns0'] }],
  ])('%j', (text, expected) => expect(parseResolvConf(text)).toEqual(expected)); // prettier-ignore
  it('that names no server in a line of servers is none', () =>
    expect(() => parseResolvConf('nameserver \n')).toThrow('nameserver list is empty '));
  it.each([
    [29, undefined],
    [30, "Resolv.conf file '/etc/resolv.conf' contains search line consisting of more than 29 domains!"],
  ])('may have some searches: %i', (count, message) => {
    const searches = Array.from({ length: count }, (_, i) => `d${i}.example`);
    expect(resolvConfNews('/etc/resolv.conf', { ...node, searches }, 'cluster.local')?.message).toBe(message);
  });
  it('may have no search that is too long, nor too many letters', () => {
    expect(resolvConfNews('/etc/r', { ...node, searches: ['a'.repeat(254)] }, '')?.message).toBe('Resolv.conf file "/etc/r" contains a search path which length is more than allowed 253 chars!'); // prettier-ignore
    expect(resolvConfNews('/etc/r', { ...node, searches: Array.from({ length: 20 }, (_, i) => `${i}${'a'.repeat(200)}`) }, '')?.message).toBe("Resolv.conf file '/etc/r' contains search line which length is more than allowed 2048 chars!"); // prettier-ignore
  });
});
