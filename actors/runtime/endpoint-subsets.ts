import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../schemas/generated/core-v1.ts';

const addressKey = (a: EndpointAddress): string => `${a.ip}|${a.targetRef?.uid ?? ''}`;
const portKey = (p: EndpointPort | undefined): string =>
  p ? `${p.name ?? ''}|${p.port}|${p.protocol ?? 'TCP'}|${p.appProtocol ?? ''}` : '';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
/** Source: LessEndpointAddress. */
const compareAddresses = (a: EndpointAddress, b: EndpointAddress): number =>
  compare(a.ip, b.ip) || compare(a.targetRef?.uid ?? '', b.targetRef?.uid ?? '');

/** One address, ready or not, at one port (undefined: endpoints without ports). */
export interface Place {
  readonly address: EndpointAddress;
  readonly port: EndpointPort | undefined;
  readonly ready: boolean;
}
/**
 * The shortest form of Endpoints: ports with the same addresses share a subset; addresses and ports are sorted (ports and
 * subsets by what they are, where Kubernetes takes a hash of it).
 * Source: pkg/api/v1/endpoints RepackSubsets.
 */
export function pack(places: Iterable<Place>): EndpointSubset[] {
  const ports = new Map<string, { port: EndpointPort | undefined; addresses: Map<string, Place> }>();
  for (const place of places) {
    const key = portKey(place.port);
    let at = ports.get(key);
    if (!at) ports.set(key, (at = { port: place.port, addresses: new Map() }));
    const known = at.addresses.get(addressKey(place.address));
    if (!known || known.ready) at.addresses.set(addressKey(place.address), place);
  }
  const groups = new Map<string, { ports: EndpointPort[]; places: Place[] }>();
  for (const { port, addresses } of ports.values()) {
    const places = [...addresses.values()].sort((a, b) => compareAddresses(a.address, b.address));
    const key = places.map((p) => `${addressKey(p.address)}|${p.ready}`).join(',');
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { ports: [], places }));
    if (port) group.ports.push(port);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => compare(a, b))
    .map(([, group]) => {
      const ready = group.places.filter((p) => p.ready).map((p) => p.address);
      const notReady = group.places.filter((p) => !p.ready).map((p) => p.address);
      group.ports.sort((a, b) => compare(portKey(a), portKey(b)));
      return {
        ...(ready.length > 0 && { addresses: ready }),
        ...(notReady.length > 0 && { notReadyAddresses: notReady }),
        ...(group.ports.length > 0 && { ports: group.ports }),
      };
    });
}
