import type { EndpointAddress, EndpointPort as OldPort, Endpoints } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import {
  identityOf,
  MANAGED_BY,
  portsKey,
  sameBeyondIdentity,
  SERVICE_NAME,
  type AddressType,
  removeSlice,
} from '../../runtime/endpoint-slices.ts';
import { pack, type Place } from '../../runtime/endpoint-subsets.ts';
import type { Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { endpointSlices } from '../../runtime/resources.ts';
import { canonicalAddress, isIpv6 } from '../../runtime/service-pods.ts';
import { TRIGGER_TIME } from '../../runtime/trigger-times.ts';

export const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Source: kube-controller-manager --mirroring-max-endpoints-per-subset. */
export const MAX_PER_SUBSET = 1_000;
const TYPES: readonly AddressType[] = ['IPv4', 'IPv6'];

/** Neither those that say so nor those that only tell who leads. Source: shouldMirror. */
export const isMirrored = ({ metadata }: Endpoints): boolean =>
  metadata.labels?.[SKIP] !== 'true' && metadata.annotations?.[LEADER] === undefined;

export interface Observed {
  /** undefined: nothing is to be mirrored. */
  readonly endpoints: Endpoints | undefined;
  /** This controller's, of that name. */
  readonly slices: readonly EndpointSlice[];
  readonly maxPerSubset?: number | undefined;
}
interface Group {
  readonly type: AddressType;
  readonly ports: readonly EndpointPort[];
  /** By identity. */
  readonly endpoints: Map<string, Endpoint>;
}

/**
 * Repeats Endpoints that somebody wrote by hand in slices, one for each subset and address family.
 * Source: pkg/controller/endpointslicemirroring.
 */
export function reconcile({ endpoints, slices, maxPerSubset = MAX_PER_SUBSET }: Observed): readonly Intent[] {
  if (!endpoints) return slices.map(removeSlice);
  const { groups, events } = desiredOf(endpoints, maxPerSubset);
  const creates: EndpointSlice[] = [];
  const updates: EndpointSlice[] = [];
  const deletes: EndpointSlice[] = [];
  const present = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = keyOfGroup(slice.addressType as AddressType, slice.ports);
    present.set(key, [...(present.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const [first, ...others] = present.get(key) ?? [];
    present.delete(key);
    if (group.endpoints.size === 0) {
      if (first) deletes.push(first);
    } else if (!first) creates.push(sliceOf(endpoints, group, maxPerSubset, undefined));
    else if (!isMirror(first, group, endpoints)) updates.push(sliceOf(endpoints, group, maxPerSubset, first));
    deletes.push(...others);
  }
  deletes.push(...[...present.values()].flat());
  // Taking over a slice that would go is one write instead of two.
  for (const made of creates.splice(0)) {
    const at = deletes.findIndex((slice) => slice.addressType === made.addressType);
    const [slice] = at < 0 ? [] : deletes.splice(at, 1);
    if (slice) updates.push(over(made, slice));
    else creates.push(made);
  }
  const isGoing = endpoints.metadata.deletionTimestamp !== undefined;
  return [
    ...events,
    ...(isGoing ? [] : creates).map((object): Intent => ({ op: 'create', gvr: endpointSlices, object })),
    ...updates.map((object): Intent => ({ op: 'update', gvr: endpointSlices, object })),
    ...deletes.map(removeSlice),
  ];
}

const keyOfGroup = (type: AddressType, ports: readonly EndpointPort[] | undefined): string =>
  `${type}-${portsKey(ports)}`;

function desiredOf(endpoints: Endpoints, max: number): { groups: ReadonlyMap<string, Group>; events: readonly Intent[] } {
  const groups = new Map<string, Group>();
  let invalid = 0;
  let skipped = 0;
  for (const subset of pack(placesOf(endpoints))) {
    const ports = (subset.ports ?? []).map(portOf);
    const own = TYPES.map((type) => {
      const key = keyOfGroup(type, ports);
      const group = groups.get(key) ?? { type, ports, endpoints: new Map<string, Endpoint>() };
      groups.set(key, group);
      return group;
    });
    const { addresses = [], notReadyAddresses = [] } = subset;
    let added = 0;
    for (const [list, ready] of [[addresses, true], [notReadyAddresses, false]] as const)
      for (const address of list) {
        if (added >= max) break;
        const ip = canonicalAddress(address.ip);
        if (ip === undefined) {
          invalid++;
          continue;
        }
        const endpoint = endpointOf(address, ip, ready);
        own[isIpv6(ip) ? 1 : 0]!.endpoints.set(identityOf(endpoint), endpoint);
        added++;
      }
    skipped += addresses.length + notReadyAddresses.length - added;
  }
  const events: Intent[] = [];
  const warn = (reason: string, message: string): void =>
    void events.push({ op: 'event', type: 'Warning', regarding: { ...endpoints, apiVersion: 'v1', kind: 'Endpoints' }, reason, message });
  if (invalid > 0) warn('InvalidIPAddress', `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`);
  if (skipped > invalid)
    warn('TooManyAddressesToMirror', `A max of ${max} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`);
  return { groups, events };
} // prettier-ignore
function* placesOf({ subsets = [] }: Endpoints): Iterable<Place> {
  for (const { addresses = [], notReadyAddresses = [], ports } of subsets)
    for (const port of ports?.length ? ports : [undefined]) {
      for (const address of addresses) yield { address, port, ready: true };
      for (const address of notReadyAddresses) yield { address, port, ready: false };
    }
}
const portOf = ({ name = '', port, protocol = 'TCP', appProtocol }: OldPort): EndpointPort => ({
  name,
  port,
  protocol,
  ...(appProtocol !== undefined && { appProtocol }),
});
const endpointOf = ({ targetRef, nodeName, hostname }: EndpointAddress, ip: string, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(targetRef && { targetRef }),
  ...(nodeName !== undefined && { nodeName }),
  ...(hostname && { hostname }),
});

function without(map: Readonly<Record<string, string>> | undefined, ...keys: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => !keys.includes(key)));
}
const labelsOf = ({ metadata }: Endpoints): Record<string, string> => ({
  ...metadata.labels,
  [SERVICE_NAME]: metadata.name!,
  [MANAGED_BY]: MANAGER,
});
const annotationsOf = ({ metadata }: Endpoints): Record<string, string> =>
  without(metadata.annotations, TRIGGER_TIME, LAST_APPLIED);

/** Whether the slice says what it should, of these Endpoints and not of others of the same name. */
function isMirror(slice: EndpointSlice, { endpoints: wanted }: Group, endpoints: Endpoints): boolean {
  const present = slice.endpoints ?? [];
  const { labels, annotations, ownerReferences = [] } = slice.metadata;
  return (
    present.length === wanted.size &&
    present.every((endpoint) => {
      const should = wanted.get(identityOf(endpoint));
      return should !== undefined && sameBeyondIdentity(should, endpoint);
    }) &&
    equal(labels, labelsOf(endpoints)) &&
    equal(annotations, annotationsOf(endpoints)) &&
    !ownerReferences.some(({ kind, name, uid }) => kind === 'Endpoints' && name === endpoints.metadata.name && uid !== endpoints.metadata.uid)
  );
} // prettier-ignore

function sliceOf(endpoints: Endpoints, group: Group, max: number, present: EndpointSlice | undefined): EndpointSlice {
  const { name, namespace } = endpoints.metadata;
  const made: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      // Endpoints may have names that leave no room for more.
      generateName: name!.length < 253 ? `${name}-` : name,
      namespace,
      labels: labelsOf(endpoints),
      annotations: annotationsOf(endpoints),
      ownerReferences: [controllerReference({ ...endpoints, apiVersion: 'v1', kind: 'Endpoints' })],
    },
    addressType: group.type,
    endpoints: [...group.endpoints.values()].slice(0, max),
    ports: [...group.ports],
  };
  if (!present) return made;
  // As the real one sends it: the name alone.
  const whole = over(made, present);
  return { ...whole, metadata: { ...whole.metadata, generateName: undefined } };
}
/** The new content in the place of an old slice. */
function over(made: EndpointSlice, { metadata }: EndpointSlice): EndpointSlice {
  const { labels, annotations, ownerReferences } = made.metadata;
  return { ...made, metadata: { ...metadata, labels, annotations, ownerReferences } };
}
