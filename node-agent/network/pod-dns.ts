import type { Pod, PodDNSConfig } from '../../schemas/generated/core-v1.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import type { PodDns } from '../runtime/cri/parts.ts';

/** How pods of a node find names. */
export interface ClusterDns {
  /** Addresses of the cluster's name servers; none: pods have the node's. */
  readonly servers: readonly string[];
  /** `cluster.local`; '': names of services are not looked for. */
  readonly domain: string;
}
export interface DnsNews {
  readonly reason: 'DNSConfigForming' | 'MissingClusterDNS' | 'CheckLimitsForResolvConf';
  readonly message: string;
  /** Whom it is told of. */
  readonly about: 'pod' | 'node';
}

/** Source: pkg/apis/core/validation MaxDNSNameservers, MaxDNSSearchPaths, MaxDNSSearchListChars. */
const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;
/** Source: apimachinery DNS1123SubdomainMaxLength. Some resolvers abort at longer ones. */
const MAX_SEARCH_LENGTH = 253;
const CLUSTER_OPTIONS: readonly string[] = ['ndots:5'];

/**
 * What a resolv.conf says: name servers add up, of search lines the last counts, of an option its last value.
 * Thrown: Error, for a line of name servers that names none. Source: kubelet network/dns parseResolvConf.
 */
export function parseResolvConf(text: string): PodDns {
  const servers: string[] = [];
  let searches: string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'nameserver') {
      if (rest[0] === undefined) throw new Error('nameserver list is empty ');
      servers.push(rest[0]);
    }
    if (word === 'search') searches = rest.filter((s) => s !== '.').map((s) => s.replace(/\.$/, ''));
    if (word === 'options') for (const option of rest) options.set(option.split(':')[0]!, option);
  }
  return { servers, searches, options: [...options.values()] };
}

/**
 * What the resolv.conf of a pod's containers says, and what is told where not all of it has found room.
 * Source: kubelet network/dns GetPodDNS.
 */
export function podDns(
  pod: Pod,
  node: PodDns,
  cluster: ClusterDns,
): { readonly dns: PodDns; readonly news: readonly DnsNews[] } {
  const news: DnsNews[] = [];
  let dns = node;
  const kind = kindOf(pod);
  if (kind === 'none') dns = { servers: [], searches: [], options: [] };
  else if (kind === 'cluster' && cluster.servers.length > 0)
    dns = { servers: cluster.servers, searches: clusterSearches(pod, node, cluster.domain), options: CLUSTER_OPTIONS };
  else if (kind === 'cluster') {
    const { name, namespace, uid } = pod.metadata;
    const message =
      'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
    news.push({ about: 'node', reason: 'MissingClusterDNS', message });
    const of = goQuote(`${name}_${namespace}(${uid})`);
    news.push({ about: 'pod', reason: 'MissingClusterDNS', message: `pod: ${of}. ${message}` });
  }
  if (pod.spec?.dnsConfig) dns = merged(dns, pod.spec.dnsConfig);
  const servers = dns.servers.slice(0, MAX_SERVERS);
  if (servers.length < dns.servers.length)
    news.push({ about: 'pod', reason: 'DNSConfigForming', message: `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}` }); // prettier-ignore
  const searches = thatFit(dns.searches);
  if (searches.length < dns.searches.length)
    news.push({ about: 'pod', reason: 'DNSConfigForming', message: `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}` }); // prettier-ignore
  return { dns: { servers, searches, options: dns.options }, news };
}
/** Source: kubelet network/dns getPodDNSType; what cannot be meant is ClusterFirst. */
function kindOf({ spec }: Pod): 'cluster' | 'node' | 'none' {
  switch (spec?.dnsPolicy) {
    case 'None':
      return 'none';
    case 'Default':
      return 'node';
    case 'ClusterFirst':
      return spec.hostNetwork === true ? 'node' : 'cluster';
    default:
      return 'cluster';
  }
}
const clusterSearches = ({ metadata }: Pod, node: PodDns, domain: string): readonly string[] =>
  domain === ''
    ? node.searches
    : unique([`${metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...node.searches]);
const unique = (texts: readonly string[]): string[] => [...new Set(texts)];

function merged(dns: PodDns, { nameservers = [], searches = [], options = [] }: PodDNSConfig): PodDns {
  const byName = new Map<string, string>();
  for (const option of dns.options) {
    const colon = option.indexOf(':');
    byName.set(colon < 0 ? option : option.slice(0, colon), colon < 0 ? '' : option.slice(colon + 1));
  }
  for (const { name = '', value = '' } of options) byName.set(name, value);
  return {
    servers: unique([...dns.servers, ...nameservers]),
    searches: unique([...dns.searches, ...searches]),
    options: [...byName].map(([name, value]) => (value === '' ? name : `${name}:${value}`)),
  };
}
/** Source: kubelet network/dns formDNSSearchFitsLimits. */
function thatFit(searches: readonly string[]): string[] {
  const fit = searches.slice(0, MAX_SEARCHES).filter((search) => search.length <= MAX_SEARCH_LENGTH);
  while (fit.join(' ').length > MAX_SEARCH_CHARS) fit.pop();
  return fit;
}

/**
 * What is wrong with the node's own resolv.conf: pods that have all of it would have too much of it.
 * Source: kubelet network/dns CheckLimitsForResolvConf.
 */
export function resolvConfNews(file: string, { searches }: PodDns, domain: string): DnsNews | undefined {
  const most = MAX_SEARCHES - (domain === '' ? 0 : 3);
  const told = (message: string): DnsNews => ({ about: 'node', reason: 'CheckLimitsForResolvConf', message });
  if (searches.length > most)
    return told(`Resolv.conf file '${file}' contains search line consisting of more than ${most} domains!`);
  if (searches.some((search) => search.length > MAX_SEARCH_LENGTH))
    return told(`Resolv.conf file ${goQuote(file)} contains a search path which length is more than allowed ${MAX_SEARCH_LENGTH} chars!`); // prettier-ignore
  if (searches.join(' ').length > MAX_SEARCH_CHARS)
    return told(`Resolv.conf file '${file}' contains search line which length is more than allowed ${MAX_SEARCH_CHARS} chars!`); // prettier-ignore
  return undefined;
}
