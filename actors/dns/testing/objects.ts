import type { Service, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { SERVICE_NAME } from '../cluster/cluster.ts';

const service = (namespace: string, name: string, spec: ServiceSpec): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec,
});
const slice = (
  namespace: string,
  name: string,
  of: string,
  addressType: EndpointSlice['addressType'],
  endpoints: Endpoint[],
  ports: EndpointPort[] = [],
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace, labels: { [SERVICE_NAME]: of } },
  addressType,
  endpoints,
  ports,
});
const http = { name: 'http', port: 80, protocol: 'TCP' } as const;
const https = { name: 'https', port: 443, protocol: 'TCP' } as const;
const dns = { name: 'dns', port: 53, protocol: 'UDP' } as const;
const pod = (name: string) => ({ kind: 'Pod', namespace: 'shop', name });

/** Of each sort of service that names are answered for; in a cluster of both families. */
export const NAMESPACES = ['default', 'kube-system', 'shop', 'empty'];
export const SERVICES: readonly Service[] = [
  service('default', 'kubernetes', { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'], ports: [https] }),
  service('shop', 'web', { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [http, https, dns] }),
  service('shop', 'dual', {
    clusterIP: '10.96.0.21', clusterIPs: ['10.96.0.21', 'fd00:10:96::21'],
    ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack', ports: [http],
  }),
  service('shop', 'six', {
    clusterIP: 'fd00:10:96::22', clusterIPs: ['fd00:10:96::22'],
    ipFamilies: ['IPv6'], ipFamilyPolicy: 'SingleStack', ports: [{ port: 80, protocol: 'TCP' }],
  }),
  service('shop', 'db', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] }),
  service('shop', 'portless', { clusterIP: 'None', clusterIPs: ['None'] }),
  service('shop', 'nobody', { clusterIP: 'None', clusterIPs: ['None'], ports: [http] }),
  service('shop', 'both', {
    clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack', ports: [http],
  }),
  service('shop', 'alias', { type: 'ExternalName', externalName: 'web.shop.svc.cluster.local' }),
  service('shop', 'chain', { type: 'ExternalName', externalName: 'alias.shop.svc.cluster.local' }),
  service('shop', 'self', { type: 'ExternalName', externalName: 'self.shop.svc.cluster.local' }),
  service('shop', 'ping', { type: 'ExternalName', externalName: 'pong.shop.svc.cluster.local' }),
  service('shop', 'pong', { type: 'ExternalName', externalName: 'ping.shop.svc.cluster.local' }),
  service('shop', 'gone', { type: 'ExternalName', externalName: 'nothing.shop.svc.cluster.local' }),
  service('shop', 'number', { type: 'ExternalName', externalName: '10.1.2.3' }),
  service('shop', 'outside', { type: 'ExternalName', externalName: 'www.example.org' }),
  service('kube-system', 'kube-dns', { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [dns] }),
]; // prettier-ignore
export const SLICES: readonly EndpointSlice[] = [
  slice('shop', 'web-1', 'web', 'IPv4', [
    { addresses: ['10.244.0.5'], targetRef: pod('web-a') },
    { addresses: ['10.244.0.6'], conditions: { ready: false }, targetRef: pod('web-b') },
  ], [{ ...http, port: 8080 }, { ...https, port: 8443 }, dns]),
  slice('shop', 'db-1', 'db', 'IPv4', [
    { addresses: ['10.244.1.1'], hostname: 'db-0', conditions: { ready: true }, targetRef: pod('db-0') },
    { addresses: ['10.244.1.2'], hostname: 'db-1', conditions: { ready: true, terminating: true, serving: true } },
    { addresses: ['10.244.1.3'], hostname: 'db-2', conditions: { ready: false, terminating: true, serving: true } },
    { addresses: ['10.244.1.4'], conditions: {} },
  ], [{ name: 'sql', port: 5432, protocol: 'TCP' }]),
  slice('shop', 'db-2', 'db', 'IPv4', [{ addresses: ['10.244.1.5'] }], [{ name: 'sql', port: 5433, protocol: 'TCP' }]),
  // Empty lists of slices are null in the API.
  slice('shop', 'portless-1', 'portless', 'IPv4', [{ addresses: ['10.244.2.1'] }, { addresses: ['10.244.2.2'] }], null as never),
  slice('shop', 'nobody-1', 'nobody', 'IPv4', null as never, [http]),
  slice('shop', 'both-4', 'both', 'IPv4', [{ addresses: ['10.244.3.1'], hostname: 'one' }], [http]),
  slice('shop', 'both-6', 'both', 'IPv6', [
    { addresses: ['fd00:244::31'], hostname: 'one' },
    { addresses: ['fd00:244::'] },
  ], [http]),
  slice('shop', 'lost', 'no-such-service', 'IPv4', [{ addresses: ['10.244.9.9'] }], [http]),
]; // prettier-ignore

const reverse4 = (ip: string): string => `${ip.split('.').toReversed().join('.')}.in-addr.arpa`;
const reverse6 = (nibbles: string): string => `${[...nibbles].toReversed().join('.')}.ip6.arpa`;
const NAMES = [
  'cluster.local', 'svc.cluster.local', 'pod.cluster.local', 'any.cluster.local', 'shop.svc.cluster.local', 'empty.svc.cluster.local',
  'nowhere.svc.cluster.local', 'shop.pod.cluster.local', 'kubernetes.default.svc.cluster.local', 'web.shop.svc.cluster.local',
  'WEB.Shop.SVC.cluster.LOCAL', '_http._tcp.web.shop.svc.cluster.local', '_dns._udp.web.shop.svc.cluster.local',
  '_dns._tcp.web.shop.svc.cluster.local', 'http.tcp.web.shop.svc.cluster.local', '_nope._tcp.web.shop.svc.cluster.local',
  '10-244-0-5.web.shop.svc.cluster.local', '10-244-0-6.web.shop.svc.cluster.local', 'a._http._tcp.web.shop.svc.cluster.local',
  'a.b._http._tcp.web.shop.svc.cluster.local', 'nothing.shop.svc.cluster.local', 'web.nowhere.svc.cluster.local', 'web.empty.svc.cluster.local',
  'dual.shop.svc.cluster.local', '_http._tcp.dual.shop.svc.cluster.local', 'six.shop.svc.cluster.local', 'db.shop.svc.cluster.local',
  '_sql._tcp.db.shop.svc.cluster.local', 'db-0.db.shop.svc.cluster.local', 'db-1.db.shop.svc.cluster.local', 'db-2.db.shop.svc.cluster.local',
  '10-244-1-4.db.shop.svc.cluster.local', '10-244-1-1.db.shop.svc.cluster.local', 'DB-0.db.shop.svc.cluster.local', 'portless.shop.svc.cluster.local',
  '10-244-2-1.portless.shop.svc.cluster.local', 'nobody.shop.svc.cluster.local', 'both.shop.svc.cluster.local', 'one.both.shop.svc.cluster.local',
  'fd00-244--0.both.shop.svc.cluster.local', '_http._tcp.both.shop.svc.cluster.local', 'alias.shop.svc.cluster.local', 'chain.shop.svc.cluster.local',
  'self.shop.svc.cluster.local', 'ping.shop.svc.cluster.local', 'gone.shop.svc.cluster.local', 'number.shop.svc.cluster.local',
  'x.alias.shop.svc.cluster.local', '_http._tcp.alias.shop.svc.cluster.local', 'no-such-service.shop.svc.cluster.local',
  '10-244-0-5.shop.pod.cluster.local', '10-244-0-99.shop.pod.cluster.local', '10-244-0-5.nowhere.pod.cluster.local', 'name.shop.pod.cluster.local',
  '10-244-0-256.shop.pod.cluster.local', '010-244-0-5.shop.pod.cluster.local', 'fd00--1.shop.pod.cluster.local', 'fd00-1-2-3-4-5-6-7.shop.pod.cluster.local',
  '1-2-3.shop.pod.cluster.local', 'x.10-244-0-5.shop.pod.cluster.local', 'dns-version.cluster.local', 'ns.dns.cluster.local',
]; // prettier-ignore
const TYPES = ['A', 'AAAA', 'SRV', 'CNAME', 'TXT', 'MX', 'ANY', 'HTTPS'];

/** `name type`: what is asked of all these. */
export const QUESTIONS: readonly string[] = [
  ...NAMES.flatMap((name) => TYPES.map((type) => `${name} ${type}`)),
  ...['SOA', 'NS', 'AXFR'].map((type) => `cluster.local ${type}`),
  ...['web', 'nothing'].map((name) => `${name}.shop.svc.cluster.local SOA`),
  ...['10.96.0.20', '10.96.0.21', '10.244.0.5', '10.244.1.1', '10.244.1.4', '10.244.2.1'].map((ip) => `${reverse4(ip)} PTR`),
  ...['fd000010009600000000000000000021', 'fd000244000000000000000000000031', 'fd000244000000000000000000000000'].map(
    (nibbles) => `${reverse6(nibbles)} PTR`,
  ),
]; // prettier-ignore
