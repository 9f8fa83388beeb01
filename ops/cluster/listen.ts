import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';
import type { DnsConfig, DnsFlags } from './dns.ts';

/** Flag of `kubus up`: where machines elsewhere reach the cluster. */
export interface ListenFlags {
  readonly listen?: string;
  readonly runtime?: 'simulated' | 'cri' | 'auto';
}
type Before = Pick<ClusterConfig, 'listen' | 'machine'> | undefined;
const NOWHERE = 'none';
/** Where machines that join look for a bus. */
const USUAL_PORT = 4222;

/** What is asked for, over what the cluster was; nothing: no other machine reaches its bus. Thrown: UserError for what cannot be meant. */
export function listening(flags: ListenFlags, before: Before, own = networkInterfaces()): Pick<ClusterConfig, 'listen'> {
  const { listen = before?.listen, runtime = 'auto' } = flags;
  if (listen === undefined || listen === NOWHERE) return {};
  if (isIP(listen) === 0 || /^(127\.|0\.0\.0\.0$|::1?$|fe80:)/i.test(listen))
    throw new UserError(`--listen takes one address of this machine that others reach, or none, not "${listen}"`, 2);
  // Their pods have addresses behind this machine, which no other machine has a way to.
  if (runtime === 'cri' || (runtime === 'auto' && before?.machine !== undefined))
    throw new UserError('--listen is for nodes of other machines, and pods of theirs do not reach those of real nodes of this one: make this machine one that joins instead: kubus run nodes --runtime cri', 2);
  const addresses = Object.values(own).flatMap((of) => of ?? []).map(({ address }) => address);
  if (!addresses.includes(listen))
    throw new UserError(`this machine has no address ${listen}: choose another with --listen (it has ${addresses.filter((a) => !/^(127\.|::1$|fe80:)/.test(a)).join(', ') || 'none that others reach'}), or --listen ${NOWHERE}`);
  return { listen };
} // prettier-ignore
/** The usual one for who listens, a free one for who does not; `isFree`: at that address. */
export const usualBusPort = ({ listen }: Pick<ClusterConfig, 'listen'>): number | undefined =>
  listen === undefined ? undefined : USUAL_PORT;
/** Where this machine reaches its own bus. */
export const busHost = ({ listen }: Pick<ClusterConfig, 'listen'>): string => listen ?? '127.0.0.1';
/** Pods elsewhere ask for names where they reach this machine, unless somebody says otherwise; what was so for another address is not kept. */
export function dnsFor({ listen }: Pick<ClusterConfig, 'listen'>, flags: DnsFlags, before: Pick<ClusterConfig, 'listen' | 'dns'> | undefined): { readonly flags: DnsFlags; readonly before: DnsConfig | undefined } {
  const { host, reachedAt, ...others } = before?.dns ?? { port: 0 };
  const had = (address: string | undefined) => (address === undefined || address === before?.listen ? undefined : address);
  const kept = { host: had(host), reachedAt: had(reachedAt) };
  return {
    before: before?.dns && { ...others, ...(kept.host !== undefined && { host: kept.host }), ...(kept.reachedAt !== undefined && { reachedAt: kept.reachedAt }) },
    flags: listen === undefined ? flags : { ...flags, dnsHost: flags.dnsHost ?? kept.host ?? listen, dnsReachedAt: flags.dnsReachedAt ?? kept.reachedAt ?? listen },
  };
} // prettier-ignore
/** The flag again, for the process in the background. */
export const listenArguments = ({ listen }: ListenFlags): string[] =>
  listen === undefined ? [] : ['--listen', listen];
