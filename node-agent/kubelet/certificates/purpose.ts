import { KUBELET_CLIENT, KUBELET_SERVING } from '../../../actors/runtime/certificate-requests.ts';
import type { Description } from '../../../actors/runtime/metrics/registry.ts';
import { parseIp } from '../../../schemas/meta/ip.ts';
import type { NodeAddress } from '../../../schemas/generated/core-v1.ts';
import type { ServerNames } from './extensions.ts';
import type { KeyPair } from './key-pair.ts';
import type { PairName } from './store.ts';

/** What a certificate of a node is for, and what is asked for so that it is. */
export interface Purpose {
  /** As its chart is called. */
  readonly chart: string;
  readonly pair: PairName;
  readonly signerName: string;
  readonly usage: 'client auth' | 'server auth';
  /** Of a server's. */
  readonly serves?:
    | {
        /** How the node is called now; undefined: it has no address yet. */
        readonly names: () => ServerNames | undefined;
        /** There is one, which is good now. */
        readonly use: (pair: KeyPair) => void;
      }
    | undefined;
  readonly ttl: Description;
  readonly errors: Description;
}
const told = (name: string, help: string): Description => ({ name: `kubelet_${name}`, stability: 'ALPHA', help });
const ERRORS = 'Counter of certificate renewal errors.';

/** By which API servers know the node. Source: kubelet NewKubeletClientCertificateManager. */
export const CLIENT: Purpose = {
  chart: 'certificate',
  pair: 'kubelet-client',
  signerName: KUBELET_CLIENT,
  usage: 'client auth',
  ttl: told('certificate_manager_client_ttl_seconds', "Gauge of the TTL (time-to-live) of the Kubelet's client certificate. The value is in seconds until certificate expiry (negative if already expired). If client certificate is invalid or unused, the value will be +INF."),
  errors: told('certificate_manager_client_expiration_renew_errors', ERRORS),
}; // prettier-ignore
/** That who reaches the node may know it. Source: kubelet NewKubeletServerCertificateManager. */
export const serving = (serves: NonNullable<Purpose['serves']>): Purpose => ({
  chart: 'serving-certificate',
  pair: 'kubelet-server',
  signerName: KUBELET_SERVING,
  usage: 'server auth',
  serves,
  ttl: told('certificate_manager_server_ttl_seconds', "Gauge of the shortest TTL (time-to-live) of the Kubelet's serving certificate. The value is in seconds until certificate expiry (negative if already expired). If serving certificate is invalid or unused, the value will be +INF."),
  errors: told('server_expiration_renew_errors', ERRORS),
}); // prettier-ignore

/** undefined: none of them is an address. Pure. Source: kubelet certificate addressesToHostnamesAndIPs. */
export function namesOf(addresses: readonly NodeAddress[]): ServerNames | undefined {
  const [dns, ips] = [new Set<string>(), new Set<string>()];
  for (const { type, address } of addresses) {
    const isAddress = parseIp(address) !== undefined;
    if (address === '' || (!isAddress && type.endsWith('IP'))) continue;
    (isAddress && !type.endsWith('DNS') ? ips : dns).add(address);
  }
  return ips.size === 0 ? undefined : { dns: [...dns].toSorted(), ips: [...ips].toSorted() };
}
/** Those that a certificate does not say; `said` as Node prints its alternative names. */
export function missingNames(said: string | undefined, { dns, ips }: ServerNames): string[] {
  const parts = (said ?? '').split(', ');
  const known = new Set(parts.filter((part) => part.startsWith('DNS:')).map((part) => part.slice('DNS:'.length)));
  const addresses = new Set(parts.flatMap((part) => (part.startsWith('IP Address:') ? [parseIp(part.slice('IP Address:'.length))?.value] : []))); // prettier-ignore
  return [...dns.filter((each) => !known.has(each)), ...ips.filter((ip) => !addresses.has(parseIp(ip)?.value))];
}
