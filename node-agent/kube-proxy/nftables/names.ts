import { hash } from 'node:crypto';
import type { PortPlan } from '../plan/plan.ts';
import { base32 } from '../base32.ts';
import type { Target } from '../plan/choose.ts';

/** Source: knftables.NameLengthMax less the longest prefix. */
const MAX_LENGTH = 240;

function hashed(name: string): string {
  const whole = `${base32(hash('sha256', name, 'buffer'), 8)}-${name}`;
  return whole.length > MAX_LENGTH ? `${whole.slice(0, MAX_LENGTH - 3)}...` : whole;
}
const speaks = (port: PortPlan): string => `${port.service}/${port.protocol.toLowerCase()}/${port.portName}`;

/** Names of a port's chains, upstream's. Source: pkg/proxy/nftables servicePortChainNameBase. */
export interface ChainNames {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
}
export function chainNames(port: PortPlan): ChainNames {
  const base = hashed(speaks(port));
  return {
    cluster: `service-${base}`,
    local: `local-${base}`,
    external: `external-${base}`,
    firewall: `firewall-${base}`,
  };
}
/** Of an endpoint of a port that keeps its clients. Source: pkg/proxy/nftables servicePortEndpointChainNameBase. */
export function endpointNames(port: PortPlan, { ip, port: to }: Target) {
  const base = hashed(`${speaks(port)}__${ip.replaceAll(':', '.')}/${to}`);
  return { chain: `endpoint-${base}`, affinity: `affinity-${base}` };
}
/** Those of Services have a slash, the others have none. */
export const isOfService = (name: string): boolean => name.includes('/');
