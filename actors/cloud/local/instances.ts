import { createHash } from 'node:crypto';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { parseIp } from '../../../schemas/meta/ip.ts';
import { PROVIDED_IP } from '../node/addresses.ts';
import { ZONE, REGION } from '../node/labels.ts';
import type { InstanceMetadata, Instances } from '../provider.ts';

/**
 * What the simulated machine behind a node does, told by an annotation of the Node: `running` (which is the rule),
 * `shutdown` or `terminated`. The cloud controllers ask once the node is not ready.
 */
export const INSTANCE = 'kubus.dev/instance';
const REGION_NAME = 'local';
const ZONES = ['a', 'b', 'c'];
const TYPE = 'simulated';

/** Spreads nodes that are counted in turn, and others by their names. */
export function zoneOf(name: string): string {
  const place = /-(\d{1,6})$/.exec(name)?.[1];
  const turn = place === undefined ? createHash('sha256').update(name).digest()[0]! : Number(place) - 1;
  return `${REGION_NAME}-${ZONES[((turn % ZONES.length) + ZONES.length) % ZONES.length]}`;
}
/** The simulated machines of this cluster's nodes. `addressOf`: of a node by its name. */
export function localInstances(addressOf: (name: string) => string): Instances {
  const stateOf = ({ metadata }: Node): string => metadata.annotations?.[INSTANCE] ?? 'running';
  function metadata({ metadata: { name = '', annotations, labels } }: Node): InstanceMetadata {
    const told = annotations?.[PROVIDED_IP]?.split(',').map((ip) => ip.trim());
    // Who starts a node knows where it is.
    const ips = told?.every((ip) => parseIp(ip) !== undefined) ? told : [addressOf(name)];
    return {
      providerID: `local://${name}`,
      instanceType: labels?.['node.kubernetes.io/instance-type'] ?? TYPE,
      addresses: [
        ...ips.map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: name },
      ],
      // What people say of their nodes holds.
      zone: labels?.[ZONE] ?? zoneOf(name),
      region: labels?.[REGION] ?? REGION_NAME,
    };
  }
  return {
    exists: (node) => Promise.resolve(stateOf(node) !== 'terminated'),
    isShutdown: (node) => Promise.resolve(stateOf(node) === 'shutdown'),
    metadata: (node) => Promise.resolve(metadata(node)),
  };
} // prettier-ignore
