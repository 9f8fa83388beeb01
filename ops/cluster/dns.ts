import { readFileSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { nameserversIn, parseUpstream } from '../../actors/dns/forward/resolv-conf.ts';
import type { Upstream } from '../../actors/dns/forward/upstream.ts';
import { parseName } from '../../actors/dns/wire/name.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';
import { freePort, obstacle } from './ports.ts';

const POD_MODES = ['insecure', 'verified', 'disabled'] as const;
type PodMode = (typeof POD_MODES)[number];

/** Of a cluster whose names are answered. */
export interface DnsConfig {
  /** Of UDP and TCP. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default cluster.local. */
  readonly domain?: string;
  /** Whom names of others are asked of; default: those of this machine's resolv.conf. */
  readonly upstreams?: readonly string[];
  readonly pods?: PodMode;
  /** By which pods that have a network reach it, or `auto`; default: the machine's address on the network of its own nodes. */
  readonly reachedAt?: string;
}
/** Flags of `kubus up` and `kubus run`. */
export interface DnsFlags {
  readonly dnsPort?: number;
  readonly dnsHost?: string;
  readonly clusterDomain?: string;
  readonly dnsUpstream?: readonly string[];
  readonly dnsPods?: string;
  readonly dnsReachedAt?: string;
}
export const DNS_HOST = '127.0.0.1';
export const DNS_DOMAIN = 'cluster.local';
const DEFAULT_PORT = 1053;

/** Thrown: UserError for what cannot be meant, or is said where nobody would hear it. */
export function checkDns(flags: DnsFlags, isWanted: boolean, otherwise: string): void {
  const { dnsPort, dnsHost, clusterDomain, dnsUpstream, dnsPods, dnsReachedAt } = flags;
  const asked = { '--dns-port': dnsPort, '--dns-host': dnsHost, '--cluster-domain': clusterDomain, '--dns-upstream': dnsUpstream, '--dns-pods': dnsPods, '--dns-reached-at': dnsReachedAt }; // prettier-ignore
  const first = Object.entries(asked).find(([, value]) => value !== undefined)?.[0];
  if (first !== undefined && !isWanted) throw new UserError(`${first} is for: ${otherwise}`, 2);
  if (dnsHost !== undefined && isIP(dnsHost) === 0)
    throw new UserError(`--dns-host takes an address of this machine, such as 127.0.0.1, not "${dnsHost}"`, 2);
  if (dnsReachedAt !== undefined && dnsReachedAt !== 'auto' && isIP(dnsReachedAt) === 0)
    throw new UserError(`--dns-reached-at takes an address of this machine that pods reach, or auto, not "${dnsReachedAt}"`, 2); // prettier-ignore
  if (clusterDomain !== undefined && !isDomain(clusterDomain))
    throw new UserError(`--cluster-domain "${clusterDomain}" can be no domain: choose one such as cluster.local`, 2);
  if (dnsPods !== undefined && !(POD_MODES as readonly string[]).includes(dnsPods))
    throw new UserError(`--dns-pods knows no "${dnsPods}": choose from ${POD_MODES.join(', ')}`, 2);
  if (dnsUpstream !== undefined) upstreamsOf(dnsUpstream);
}
const isDomain = (text: string): boolean => {
  const labels = parseName(text);
  return labels !== undefined && labels.length > 0 && labels.every((l) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(l));
};
/** What was asked for, over what the cluster was, over the defaults; checked before. */
export async function settleDns(flags: DnsFlags, before: DnsConfig | undefined): Promise<DnsConfig> {
  const host = flags.dnsHost ?? before?.host;
  const domain = flags.clusterDomain ?? before?.domain;
  const upstreams = flags.dnsUpstream ?? before?.upstreams;
  const pods = (flags.dnsPods as PodMode | undefined) ?? before?.pods;
  const reachedAt = flags.dnsReachedAt ?? before?.reachedAt;
  const port = flags.dnsPort === 0 ? await newPort(host, false) : (flags.dnsPort ?? before?.port);
  return {
    port: port ?? (await newPort(host, true)),
    ...(host !== undefined && { host }),
    ...(domain !== undefined && { domain }),
    ...(upstreams !== undefined && { upstreams }),
    ...(pods !== undefined && { pods }),
    ...(reachedAt !== undefined && { reachedAt }),
  };
}
async function newPort(host = DNS_HOST, isUsual: boolean): Promise<number> {
  if (isUsual && (await dnsObstacle(DEFAULT_PORT, host)) === undefined) return DEFAULT_PORT;
  return freePort(host);
}
/** Why nobody can answer there; undefined if one can. */
export async function dnsObstacle(port: number, host = DNS_HOST): Promise<string | undefined> {
  const byTcp = await obstacle(port, host, '--dns-port');
  if (byTcp !== undefined) return byTcp;
  const { createSocket } = await import('node:dgram');
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.bind(port, host, () => socket.close(() => resolve(undefined)));
  });
  if (code === undefined) return undefined;
  return `nothing can listen on UDP port ${port} of ${host} (${code}): choose another with --dns-port N`;
}
/** Thrown: UserError that names what is none. `none` alone: nobody is asked. */
export function upstreamsOf(texts: readonly string[]): Upstream[] {
  if (texts.length === 1 && texts[0] === 'none') return [];
  return texts.map((text) => {
    const upstream = parseUpstream(text);
    if (upstream === undefined)
      throw new UserError(
        `--dns-upstream takes addresses such as 10.0.0.2 or [fd00::2]:5353, several with commas, or none; not "${text}"`,
        2,
      );
    return upstream;
  });
}
/** The first address of this machine that others of its networks reach. */
export const ownAddress = (interfaces = networkInterfaces()): string | undefined =>
  Object.values(interfaces).flatMap((of) => of ?? []).find(({ family, internal }) => family === 'IPv4' && !internal)?.address; // prettier-ignore
/** Whom this machine asks. */
export function machineUpstreams(): Upstream[] {
  try {
    return nameserversIn(readFileSync('/etc/resolv.conf', 'utf8'));
  } catch {
    return [];
  }
}
/** The flags again, for the process in the background. */
export const dnsArguments = (flags: DnsFlags): string[] => [
  ...(flags.dnsPort === undefined ? [] : ['--dns-port', String(flags.dnsPort)]),
  ...(flags.dnsHost === undefined ? [] : ['--dns-host', flags.dnsHost]),
  ...(flags.clusterDomain === undefined ? [] : ['--cluster-domain', flags.clusterDomain]),
  ...(flags.dnsUpstream === undefined ? [] : ['--dns-upstream', flags.dnsUpstream.join(',')]),
  ...(flags.dnsPods === undefined ? [] : ['--dns-pods', flags.dnsPods]),
  ...(flags.dnsReachedAt === undefined ? [] : ['--dns-reached-at', flags.dnsReachedAt]),
];
/** How people ask it. */
export const dnsExample = ({ port, host = DNS_HOST, domain = DNS_DOMAIN }: DnsConfig): string =>
  `dig @${host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host} -p ${port} kubernetes.default.svc.${domain}`;
/** For scripts. */
export const dnsTold = ({ dns }: Pick<ClusterConfig, 'dns'>) =>
  dns && { host: dns.host ?? DNS_HOST, port: dns.port, domain: dns.domain ?? DNS_DOMAIN };
