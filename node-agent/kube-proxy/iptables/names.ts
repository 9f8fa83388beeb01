import { hash } from 'node:crypto';
import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { PortPlan } from '../plan/plan.ts';
import { base32 } from '../base32.ts';

const hashed = (text: string): string => base32(hash('sha256', text, 'buffer'), 16);

/** A port's chains under upstream's names, by which tools know them. Source: pkg/proxy/iptables portProtoHash. */
export function chainNames(port: PortPlan) {
  const own = hashed(port.text + port.protocol.toLowerCase());
  return {
    cluster: `KUBE-SVC-${own}`,
    local: `KUBE-SVL-${own}`,
    firewall: `KUBE-FW-${own}`,
    external: `KUBE-EXT-${own}`,
  };
}
/** Source: pkg/proxy/iptables servicePortEndpointChainName. */
export const endpointChain = (port: PortPlan, { ip, port: to }: Target): string =>
  `KUBE-SEP-${hashed(port.text + port.protocol.toLowerCase() + withPort(ip, to))}`;
/** Of a chain of the table `nat`. */
export const isOfService = (chain: string): boolean => /^KUBE-(SVC|SVL|SEP|FW|EXT)-/.test(chain);
