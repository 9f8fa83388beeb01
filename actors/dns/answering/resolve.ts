import { addressOf, type Address } from '../cluster/address.ts';
import { endpointsOf, type Cell, type Cluster } from '../cluster/cluster.ts';
import { RCODE, TYPE } from '../wire/codes.ts';
import { isWithin, sameName, type Name } from '../wire/name.ts';
import type { Answer, DnsRecord, SoaRecord } from '../wire/record.ts';
import { find, type Found, type PodMode } from './find.ts';

/** What names are answered from. */
export interface Authority {
  readonly cluster: Cluster;
  /** The cluster's domain. */
  readonly zone: Name;
  /** Seconds that answers are good for. */
  readonly ttl: number;
  readonly pods: PodMode;
  /** Where this server is found if no service says so. */
  readonly own: readonly Address[];
}
export type Resolution =
  /** Good while `cell` is as it is now. */
  | { readonly kind: 'answer'; readonly answer: Answer; readonly cell: Cell }
  /** These, and then what others say of `target`. */
  | { readonly kind: 'alias'; readonly records: readonly DnsRecord[]; readonly target: Name; readonly denial: Answer }
  /** Not ours to say. */
  | { readonly kind: 'elsewhere' };

const REVERSE_4: Name = ['in-addr', 'arpa'];
const REVERSE_6: Name = ['ip6', 'arpa'];
/** Of aliases in a row. Source: coredns plugin/backend_lookup.go. */
const MAX_ALIASES = 10;

/** The answer to one question of class IN. Source: coredns plugin/kubernetes handler.go, plugin/backend_lookup.go. */
export function resolve(name: Name, type: number, on: Authority): Resolution {
  if (isWithin(name, on.zone)) return inCluster(name, type, on);
  const reverse = isWithin(name, REVERSE_4) ? REVERSE_4 : isWithin(name, REVERSE_6) ? REVERSE_6 : undefined;
  return reverse === undefined ? { kind: 'elsewhere' } : inReverse(name, type, reverse, on);
}

function inCluster(name: Name, type: number, on: Authority): Resolution {
  const { cluster, zone, ttl } = on;
  const labels = name.slice(0, name.length - zone.length);
  const denied = (rcode: number, cell: Cell): Resolution => ({ kind: 'answer', cell, answer: denial(rcode, zone, on) });
  const given = (cell: Cell, answers: readonly DnsRecord[], additional: readonly DnsRecord[] = []): Resolution =>
    answers.length === 0
      ? denied(RCODE.NOERROR, cell)
      : { kind: 'answer', cell, answer: positive(answers, additional) };
  const isApex = labels.length === 0;
  if (type === TYPE.AXFR || type === TYPE.IXFR) return refused(cluster.spaces);
  if (type === TYPE.SOA && isApex) return given(cluster.all, [soa(zone, on)]);
  if (type === TYPE.NS && isApex) return given(cluster.all, ...nameServers(name, on));
  if (labels.length === 1 && labels[0] === 'dns-version') {
    const text: DnsRecord = { type: 'TXT', name, ttl, text: '1.1.0' };
    if (type === TYPE.TXT) return given(cluster.spaces, [text]);
  }
  // The name in the record of the zone's authority is there, too.
  if (labels.length === 2 && labels[0] === 'ns' && labels[1] === 'dns') {
    const own = ownAddresses(on).map(({ address }) => address);
    return given(cluster.all, records(name, ttl, own, type));
  }
  const { found, cell } = find(labels, zone, cluster, on.pods);
  if (found === 'missing') return denied(RCODE.NXDOMAIN, cell);
  const [first] = found;
  if (first?.kind === 'alias') return alias(name, type, first.target, on);
  const ours = found.filter((f) => f.kind === 'address');
  if (type === TYPE.SRV) return given(cell, ...services(name, ttl, ours));
  return given(
    cell,
    records(
      name,
      ttl,
      ours.map(({ address }) => address),
      type,
    ),
  );
}

/** Each address of the type asked for once. */
function records(name: Name, ttl: number, addresses: readonly Address[], type: number): DnsRecord[] {
  const wanted = type === TYPE.A ? 'A' : type === TYPE.AAAA ? 'AAAA' : undefined;
  const distinct = new Map(addresses.filter((a) => a.type === wanted).map((a) => [a.text, a]));
  return [...distinct.values()].map((a) => ({ type: a.type, name, ttl, address: a.bytes }));
}
type FoundAddress = Extract<Found, { kind: 'address' }>;
function services(name: Name, ttl: number, found: readonly FoundAddress[]): [DnsRecord[], DnsRecord[]] {
  const answers = new Map<string, DnsRecord>();
  const additional = new Map<string, DnsRecord>();
  const weight = Math.max(1, Math.floor(100 / Math.max(1, found.length)));
  for (const { address, port, owner: target } of found) {
    if (port === -1) continue;
    const key = target.join('.');
    const at = `${key}:${port}`;
    if (!answers.has(at)) answers.set(at, { type: 'SRV', name, ttl, priority: 0, weight, port, target });
    const host = `${key}=${address.text}`;
    if (!additional.has(host)) additional.set(host, { type: address.type, name: target, ttl, address: address.bytes });
  }
  return [[...answers.values()], [...additional.values()]];
}

/** A service of another name: followed as long as that is the cluster's own. */
function alias(asked: Name, type: number, first: Name, on: Authority): Resolution {
  const { cluster, zone, ttl } = on;
  const nothing = denial(RCODE.NOERROR, zone, on);
  const given = (answers: readonly DnsRecord[]): Resolution => {
    return { kind: 'answer', cell: cluster.all, answer: answers.length === 0 ? nothing : positive(answers, []) };
  };
  const chain: DnsRecord[] = [];
  const seen: Name[] = [asked];
  for (let name = asked, target = first; ;) {
    const record: DnsRecord = { type: 'CNAME', name, ttl, target };
    if (type === TYPE.CNAME) return given([record]);
    if (type !== TYPE.A && type !== TYPE.AAAA) return given([]);
    chain.push(record);
    if (chain.length > MAX_ALIASES || seen.some((before) => sameName(before, target))) return given([]);
    if (!isWithin(target, zone)) return { kind: 'alias', records: chain, target, denial: nothing };
    const { found } = find(target.slice(0, target.length - zone.length), zone, cluster, on.pods);
    const next = found === 'missing' ? undefined : found[0];
    if (next?.kind !== 'alias') {
      const own = found === 'missing' ? [] : found.filter((f) => f.kind === 'address').map(({ address }) => address);
      const last = records(target, ttl, own, type);
      return given(last.length === 0 ? [] : [...chain, ...last]);
    }
    seen.push(target);
    [name, target] = [target, next.target];
  }
}

/** Addresses of services and of their endpoints; those of others are not ours. */
function inReverse(name: Name, type: number, zone: Name, on: Authority): Resolution {
  const { cluster, ttl } = on;
  if (type === TYPE.AXFR || type === TYPE.IXFR) return refused(cluster.spaces);
  if (name.length === zone.length) {
    if (type === TYPE.SOA) return { kind: 'answer', cell: cluster.all, answer: positive([soa(zone, on)], []) };
    return { kind: 'answer', cell: cluster.spaces, answer: denial(RCODE.NOERROR, zone, on) };
  }
  const address = type === TYPE.PTR ? reversed(name, zone) : undefined;
  if (address === undefined) return { kind: 'elsewhere' };
  const targets = new Map<string, Name>();
  for (const entry of cluster.byClusterIp(address)) {
    targets.set('', [entry.name, entry.namespace, 'svc', ...on.zone]);
    break;
  }
  if (targets.size === 0)
    for (const entry of cluster.byEndpoint(address))
      for (const endpoint of endpointsOf(entry))
        if (endpoint.address.text === address) {
          const target = [endpoint.label, entry.name, entry.namespace, 'svc', ...on.zone];
          targets.set(target.join('.'), target);
        }
  if (targets.size === 0) return { kind: 'elsewhere' };
  const answers = [...targets.values()].map((target): DnsRecord => ({ type: 'PTR', name, ttl, target }));
  return { kind: 'answer', cell: cluster.all, answer: positive(answers, []) };
}
/** `1.0.0.10.in-addr.arpa` -> `10.0.0.1`, as it is written in the index. */
function reversed(name: Name, zone: Name): string | undefined {
  const parts = name.slice(0, name.length - zone.length).toReversed();
  if (zone === REVERSE_4)
    return parts.length === 4 && parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p))
      ? addressOf(parts.join('.'))?.text
      : undefined;
  if (parts.length !== 32 || !parts.every((p) => /^[0-9a-f]$/.test(p))) return undefined;
  return addressOf(parts.join('').replace(/(.{4})(?!$)/g, '$1:'))?.text;
}

/** Those that ask find this server by its service, if there is one. */
function ownAddresses({ cluster, zone, own }: Authority): { readonly name: Name; readonly address: Address }[] {
  const entry = cluster.service('kube-system', 'kube-dns');
  const addresses = entry?.facts?.kind === 'clusterIp' ? entry.facts.addresses : [];
  if (addresses.length === 0) return own.map((address) => ({ name: ['ns', 'dns', ...zone], address }));
  return addresses.map((address) => ({ name: ['kube-dns', 'kube-system', 'svc', ...zone], address }));
}
function nameServers(name: Name, on: Authority): [DnsRecord[], DnsRecord[]] {
  const own = ownAddresses(on);
  const names = new Map(own.map((o) => [o.name.join('.'), o.name]));
  return [
    [...names.values()].map((target): DnsRecord => ({ type: 'NS', name, ttl: on.ttl, target })),
    own.map(({ name: owner, address }) => ({ type: address.type, name: owner, ttl: on.ttl, address: address.bytes })),
  ];
}
/** Source: coredns plugin/backend_lookup.go SOA. */
const soa = (zone: Name, { cluster, ttl }: Authority): SoaRecord => ({
  type: 'SOA',
  name: zone,
  ttl: Math.min(ttl, 300),
  primary: ['ns', 'dns', ...zone],
  mailbox: ['hostmaster', ...zone],
  serial: cluster.changedSeconds,
  refresh: 7_200,
  retry: 1_800,
  expire: 86_400,
  minimum: ttl,
});
const positive = (answers: readonly DnsRecord[], additional: readonly DnsRecord[]): Answer => {
  return { rcode: RCODE.NOERROR, authoritative: true, answers, authority: [], additional };
};
const denial = (rcode: number, zone: Name, on: Authority): Answer => {
  return { rcode, authoritative: true, answers: [], authority: [soa(zone, on)], additional: [] };
};
const refused = (cell: Cell): Resolution => {
  const answer = { rcode: RCODE.REFUSED, authoritative: false, answers: [], authority: [], additional: [] };
  return { kind: 'answer', cell, answer };
};
