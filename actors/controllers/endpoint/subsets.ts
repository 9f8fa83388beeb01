import type { EndpointAddress, EndpointPort, EndpointSubset } from '../../../schemas/generated/core-v1.ts';

const addressKey = (a: EndpointAddress): string => `${a.ip}|${a.targetRef?.uid ?? ''}`;
const portKey = (p: EndpointPort | undefined): string =>
  p ? `${p.name ?? ''}|${p.port}|${p.protocol ?? 'TCP'}|${p.appProtocol ?? ''}` : '';
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One address, ready or not, at one port (undefined: a headless Service without ports). */
export interface Place {
  readonly address: EndpointAddress;
  readonly port: EndpointPort | undefined;
  readonly ready: boolean;
}
/**
 * The shortest form of Endpoints: ports with the same addresses share a subset; addresses and ports are sorted.
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
    const places = [...addresses.entries()].sort(([a], [b]) => compare(a, b)).map(([, place]) => place);
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

/** Source: pkg/controller/endpoint maxCapacity. */
export const MAX_ADDRESSES = 1_000;
/** At most 1000 addresses, ready ones first, each subset in proportion; undefined if all fit. */
export function truncate(subsets: readonly EndpointSubset[]): EndpointSubset[] | undefined {
  const count = (field: 'addresses' | 'notReadyAddresses'): number => subsets.reduce((n, s) => n + (s[field]?.length ?? 0), 0); // prettier-ignore
  const [ready, notReady] = [count('addresses'), count('notReadyAddresses')];
  if (ready + notReady <= MAX_ADDRESSES) return undefined;
  const cutsReady = ready > MAX_ADDRESSES;
  const field = cutsReady ? 'addresses' : 'notReadyAddresses';
  const room = cutsReady ? MAX_ADDRESSES : MAX_ADDRESSES - ready;
  const total = cutsReady ? ready : notReady;
  let left = room;
  return subsets.map((subset) => {
    const here = subset[field] ?? [];
    const take = Math.min(Math.ceil((here.length / total) * room), left);
    left -= take;
    const { notReadyAddresses: _dropped, ...rest } = subset;
    return { ...(cutsReady ? rest : subset), [field]: here.slice(0, take) };
  });
}
