import type { HostAlias, Pod } from '../../../schemas/generated/core-v1.ts';
import { dnsLabel, dnsSubdomain } from '../../../schemas/meta/names.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';

/** What a pod is called. */
export interface PodHostname {
  readonly name: string;
  /** `sub.ns.svc.cluster.local`; empty without a subdomain. */
  readonly domain: string;
}
const MAX_NAME = 63;
/** Of the kernel, without the byte that ends it. */
const MAX_NODENAME = 64;

/** Throws: Error, a name that can be none. Source: kubelet GeneratePodHostNameAndDomain. */
export function hostnameOf({ metadata, spec }: Pod, clusterDomain: string): PodHostname {
  const override = spec?.hostnameOverride;
  if (override !== undefined) {
    check(override, dnsSubdomain, `pod HostnameOverride ${goQuote(override)} is not a valid DNS subdomain`);
    return { name: shortened(override, metadata.name!), domain: '' };
  }
  const own = spec?.hostname ?? '';
  if (own !== '') check(own, dnsLabel, `pod Hostname ${goQuote(own)} is not a valid DNS label`);
  const name = shortened(own || metadata.name!, metadata.name!);
  const subdomain = spec?.subdomain ?? '';
  if (subdomain === '') return { name, domain: '' };
  check(subdomain, dnsLabel, `pod Subdomain ${goQuote(subdomain)} is not a valid DNS label`);
  return { name, domain: `${subdomain}.${metadata.namespace}.svc.${clusterDomain}` };
}
function check(text: string, problemsOf: (text: string) => Iterable<string>, what: string): void {
  const problems = [...problemsOf(text)];
  if (problems.length > 0) throw new Error(`${what}: ${problems.join(';')}`);
}
function shortened(hostname: string, podName: string): string {
  if (hostname.length <= MAX_NAME) return hostname;
  const short = hostname.slice(0, MAX_NAME).replace(/[-.]+$/, '');
  if (short === '') throw new Error(`hostname for pod ${goQuote(podName)} was invalid: ${goQuote(hostname)}`);
  return short;
}
/** What the kernel says. Throws: Error, one too long. Source: kubelet util GetNodenameForKernel. */
export function nodenameOf({ name, domain }: PodHostname, asFqdn: boolean | undefined): string {
  if (domain === '' || asFqdn !== true) return name;
  const fqdn = `${name}.${domain}`;
  if (fqdn.length > MAX_NODENAME)
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${fqdn} is too long (${MAX_NODENAME} characters is the max, ${fqdn.length} characters requested)`,
    );
  return fqdn;
}

/** What stands in a pod's hosts file before its own addresses. Source: kubelet managedHostsFileContent. */
const HEAD = `# Kubernetes-managed hosts file.
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
`;
const HOST_NETWORK_HEAD = '# Kubernetes-managed hosts file (host network).\n';

export function hostsFile(
  podIPs: readonly string[],
  { name, domain }: PodHostname,
  aliases: readonly HostAlias[] = [],
): string {
  const names = domain === '' ? name : `${name}.${domain}\t${name}`;
  return HEAD + podIPs.map((ip) => `${ip}\t${names}\n`).join('') + aliasLines(aliases);
}
/** Of a pod in the node's network: `nodeFile` is the node's own. Source: kubelet nodeHostsFileContent. */
export const hostNetworkHostsFile = (nodeFile: string, aliases: readonly HostAlias[] = []): string =>
  HOST_NETWORK_HEAD + nodeFile + aliasLines(aliases);

const aliasLines = (aliases: readonly HostAlias[]): string =>
  aliases.length === 0
    ? ''
    : '\n# Entries added by HostAliases.\n' +
      aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}\n`).join('');
