import { networkInterfaces } from 'node:os';
import type { SourceOf } from '../../actors/runtime/outbound/outbound.ts';
import { sixOf } from '../../node-agent/network/routes/six.ts';
import { parseCidr } from '../../schemas/meta/ip.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import { addressAt, API_SERVERS_PLACE, overlaps, USUAL_PODS } from './ranges.ts';

type Config = Pick<ClusterConfig, 'machine' | 'clusterCidrs'>;

/** Of this machine, by which its API servers ask pods of its real nodes. */
export function addressesOfApiServers({ machine, clusterCidrs = [USUAL_PODS] }: Config): readonly string[] {
  if (machine === undefined) return [];
  const address = addressAt(machine.range, API_SERVERS_PLACE);
  return clusterCidrs.some((cidr) => cidr.includes(':')) ? [address, sixOf(address)] : [address];
}
/**
 * Pods are asked by those addresses, all others as the system likes; undefined where there are none, as on another machine.
 * `own`: this machine's.
 */
export function sourceOfPods(config: Config, own: readonly string[] = ownAddresses()): SourceOf | undefined {
  const addresses = addressesOfApiServers(config).filter((address) => own.includes(address));
  const pods = config.clusterCidrs ?? [USUAL_PODS];
  if (addresses.length === 0) return undefined;
  return (host) => {
    const one = `${host}/${host.includes(':') ? 128 : 32}`;
    if (parseCidr(one) === undefined || !pods.some((range) => overlaps(range, one))) return undefined;
    return addresses.find((address) => address.includes(':') === host.includes(':'));
  };
}
const ownAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
