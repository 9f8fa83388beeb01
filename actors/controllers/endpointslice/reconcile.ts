import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { endpointSlices } from '../../runtime/resources.ts';
import { addressesOf, findPort, hasClusterIp, hasEndpoints, hostnameFor, isIpv6 } from '../../runtime/service-pods.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';
const RESERVED = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);
const ZONE = 'topology.kubernetes.io/zone';
/** Source: kube-controller-manager --max-endpoints-per-slice. */
export const MAX_ENDPOINTS = 100;
/** When to look again for the node of a pod that our cache lacks. */
const NODE_RETRY_MS = 1_000;

type AddressType = 'IPv4' | 'IPv6';
export interface Observed {
  readonly service: Service;
  /** Selected by the Service. */
  readonly pods: Iterable<Pod>;
  /** This controller's, of the Service. */
  readonly slices: readonly EndpointSlice[];
  readonly node: (name: string) => Node | undefined;
}
interface Group {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

function addressTypesOf({ spec }: Service): readonly AddressType[] {
  if (spec?.ipFamilies?.length) return spec.ipFamilies as AddressType[];
  if (spec?.clusterIP && spec.clusterIP !== 'None') return [isIpv6(spec.clusterIP) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}
/** Endpoints are the same if they are the same pod at the same addresses, whatever their conditions. */
const identity = (e: Endpoint): string => `${e.addresses.join(',')}|${e.hostname ?? ''}|${e.targetRef?.uid ?? ''}`;
const portsKey = (ports: readonly EndpointPort[] | undefined): string =>
  (ports ?? []).map((p) => `${p.name ?? ''}/${p.port}/${p.protocol ?? 'TCP'}/${p.appProtocol ?? ''}`).sort().join(','); // prettier-ignore

function labelsOf(service: Service): Record<string, string> {
  const own = Object.entries(service.metadata.labels ?? {}).filter(([key]) => !RESERVED.has(key));
  return {
    ...Object.fromEntries(own),
    ...(!hasClusterIp(service) && { [HEADLESS]: '' }),
    [SERVICE_NAME]: service.metadata.name!,
    [MANAGED_BY]: MANAGER,
  };
}
function portsOf(service: Service, pod: Pod): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = findPort(pod, port);
    if (number === undefined) return [];
    return [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol && { appProtocol: port.appProtocol }) }]; // prettier-ignore
  });
}
function endpointOf(pod: Pod, service: Service, type: AddressType, node: Node | undefined): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const hostname = hostnameFor(pod, service);
  const zone = node?.metadata.labels?.[ZONE];
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace, name, uid } = pod.metadata;
  return {
    addresses: addressesOf(pod).filter((ip) => isIpv6(ip) === (type === 'IPv6')),
    conditions: { ready, serving, terminating },
    ...(hostname && { hostname }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
    ...hintsOf(service, ready, zone, pod.spec?.nodeName),
  };
}
/** Source: k8s.io/endpointslice/trafficdist. */
function hintsOf(
  service: Service,
  ready: boolean,
  zone: string | undefined,
  node: string | undefined,
): Pick<Endpoint, 'hints'> {
  const wanted = service.spec?.trafficDistribution;
  if (!ready || !wanted || !['PreferClose', 'PreferSameZone', 'PreferSameNode'].includes(wanted)) return {};
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  const forNodes = wanted === 'PreferSameNode' && node ? { forNodes: [{ name: node }] } : {};
  return zone || node ? { hints: { ...forZones, ...forNodes } } : {};
}

/**
 * Where a Service's pods are, in slices of at most 100 endpoints with the same ports; as few slices are written as
 * possible, because each write goes to every node. Source: k8s.io/endpointslice Reconciler.
 */
export function reconcile(observed: Observed): Decision {
  const types = addressTypesOf(observed.service);
  const intents: Intent[] = [];
  const pods = [...observed.pods].filter((pod) => hasEndpoints(pod, true));
  let missingNode = false;
  for (const slice of observed.slices)
    if (!types.includes(slice.addressType as AddressType)) intents.push(remove(slice));
  for (const type of types) {
    const groups = new Map<string, Group>();
    for (const pod of pods) {
      const node = pod.spec?.nodeName ? observed.node(pod.spec.nodeName) : undefined;
      if (!node && !observed.service.spec?.publishNotReadyAddresses) {
        missingNode = true;
        continue;
      }
      const endpoint = endpointOf(pod, observed.service, type, node);
      if (endpoint.addresses.length === 0) continue;
      const ports = portsOf(observed.service, pod);
      const key = portsKey(ports);
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { ports, endpoints: new Map() }));
      group.endpoints.set(identity(endpoint), endpoint);
    }
    intents.push(...ofType(observed, type, groups));
  }
  return { intents, requeueAfterMs: missingNode ? NODE_RETRY_MS : undefined };
}

function ofType({ service, slices }: Observed, type: AddressType, groups: Map<string, Group>): readonly Intent[] {
  const creates: EndpointSlice[] = [];
  const updates: EndpointSlice[] = [];
  const deletes: EndpointSlice[] = [];
  const labels = labelsOf(service);
  let kept = 0;
  const present = new Map<string, EndpointSlice[]>();
  for (const slice of slices.filter((s) => s.addressType === type)) {
    const isOurs = slice.metadata.ownerReferences?.some((o) => o.uid === service.metadata.uid);
    const key = portsKey(slice.ports);
    if (!isOurs || !groups.has(key)) deletes.push(slice);
    else present.set(key, [...(present.get(key) ?? []), slice]);
  }
  for (const [key, group] of groups) {
    const fitted = fit(present.get(key) ?? [], group, labels);
    updates.push(...fitted.updates);
    deletes.push(...fitted.deletes);
    kept += fitted.kept;
    for (const endpoints of fitted.rest) creates.push(newSlice(service, type, group.ports, endpoints));
  }
  if (kept + updates.length + creates.length === 0) {
    // No endpoints: one empty slice says so, lest nobody can tell from "not computed yet".
    const isEmpty = (s: EndpointSlice): boolean =>
      !s.endpoints?.length && !s.ports?.length && s.metadata.ownerReferences?.[0]?.uid === service.metadata.uid;
    const placeholder = deletes.find((slice) => isEmpty(slice) && equal(slice.metadata.labels, labels));
    if (placeholder) deletes.splice(deletes.indexOf(placeholder), 1);
    else creates.push(newSlice(service, type, [], []));
  }
  // Taking over a slice that would go is one write instead of two.
  for (const slice of deletes.slice()) {
    if (creates.length === 0) break;
    if (!slice.metadata.ownerReferences?.some((o) => o.uid === service.metadata.uid)) continue;
    const made = creates.pop()!;
    deletes.splice(deletes.indexOf(slice), 1);
    updates.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: made.endpoints, ports: made.ports });
  }
  const isGoing = service.metadata.deletionTimestamp !== undefined;
  return [
    ...(isGoing ? [] : creates).map((object): Intent => ({ op: 'create', gvr: endpointSlices, object, tolerate: ['Forbidden'] })), // prettier-ignore
    ...updates.map((object): Intent => ({ op: 'update', gvr: endpointSlices, object })),
    ...deletes.map(remove),
  ];
}

/** Distributes a group's endpoints over the slices it has: each stays where it is, new ones go where a write is due. */
function fit(slices: readonly EndpointSlice[], { endpoints }: Group, labels: Record<string, string>) {
  const left = new Map(endpoints);
  const same: { readonly slice: EndpointSlice; readonly endpoints: Endpoint[] }[] = [];
  const changed: { readonly slice: EndpointSlice; readonly endpoints: Endpoint[] }[] = [];
  const deletes: EndpointSlice[] = [];
  for (const slice of slices) {
    const stay: Endpoint[] = [];
    let isChanged = !equal(slice.metadata.labels, labels);
    for (const old of slice.endpoints ?? []) {
      const now = left.get(identity(old));
      if (!now) {
        isChanged = true;
        continue;
      }
      left.delete(identity(old));
      stay.push(now);
      if (!equal(now, old)) isChanged = true;
    }
    if (stay.length === 0) deletes.push(slice);
    else (isChanged ? changed : same).push({ slice, endpoints: stay });
  }
  const rest = left.values();
  let count = left.size;
  const fill = (to: Endpoint[]): void => {
    while (count > 0 && to.length < MAX_ENDPOINTS) {
      to.push(rest.next().value!);
      count--;
    }
  };
  for (const entry of changed.sort((a, b) => b.endpoints.length - a.endpoints.length)) fill(entry.endpoints);
  if (count > 0 && count < MAX_ENDPOINTS) {
    // The fullest of the others that takes all that is left.
    const fits = same.filter((e) => e.endpoints.length + count <= MAX_ENDPOINTS).sort((a, b) => b.endpoints.length - a.endpoints.length)[0]; // prettier-ignore
    if (fits) {
      fill(fits.endpoints);
      same.splice(same.indexOf(fits), 1);
      changed.push(fits);
    }
  }
  const chunks: Endpoint[][] = [];
  while (count > 0) {
    const chunk: Endpoint[] = [];
    fill(chunk);
    chunks.push(chunk);
  }
  const updates = changed.map(({ slice, endpoints: list }): EndpointSlice => ({
    ...slice,
    metadata: { ...slice.metadata, labels },
    endpoints: list,
  }));
  return { updates, deletes, rest: chunks, kept: same.length };
}
const newSlice = (service: Service, addressType: AddressType, ports: readonly EndpointPort[], endpoints: Endpoint[]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    generateName: `${service.metadata.name}-`,
    namespace: service.metadata.namespace,
    labels: labelsOf(service),
    ownerReferences: [controllerReference(service)],
  },
  addressType,
  endpoints,
  ports: [...ports],
}); // prettier-ignore
const remove = ({ metadata }: EndpointSlice): Intent => ({
  op: 'delete',
  gvr: endpointSlices,
  namespace: metadata.namespace,
  name: metadata.name!,
  uid: metadata.uid,
});
