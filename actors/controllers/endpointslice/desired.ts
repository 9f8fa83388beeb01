import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { MANAGED_BY, portsKey, SERVICE_NAME, type AddressType } from '../../runtime/endpoint-slices.ts';
import { isPodReady, isPodTerminal } from '../../runtime/pods.ts';
import { addressesOf, findPort, hasClusterIp, hostnameFor, isIpv6 } from '../../runtime/service-pods.ts';

export const MANAGER = 'endpointslice-controller.k8s.io';
const HEADLESS = 'service.kubernetes.io/headless';
const RESERVED = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);
const ZONE = 'topology.kubernetes.io/zone';

/** The endpoints that have the same ports, and so can share slices. */
export interface Group {
  readonly ports: readonly EndpointPort[];
  /** By the pod's name. */
  readonly endpoints: Map<string, Endpoint>;
}

/** Source: k8s.io/endpointslice getAddressTypesForService. */
export function addressTypesOf({ spec }: Service): readonly AddressType[] {
  if (spec?.ipFamilies?.length) return spec.ipFamilies as AddressType[];
  if (spec?.clusterIP && spec.clusterIP !== 'None') return [isIpv6(spec.clusterIP) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}
/** The Service's labels that a slice repeats: all but those that say whose the slice is. */
const repeated = (labels: Readonly<Record<string, string>> | undefined): [string, string][] =>
  Object.entries(labels ?? {}).filter(([key]) => !RESERVED.has(key));
export function labelsOf(service: Service): Record<string, string> {
  return {
    ...Object.fromEntries(repeated(service.metadata.labels)),
    ...(!hasClusterIp(service) && { [HEADLESS]: '' }),
    [SERVICE_NAME]: service.metadata.name!,
    [MANAGED_BY]: MANAGER,
  };
}
export function repeatsLabels(slice: EndpointSlice, service: Service): boolean {
  const [wanted, present] = [repeated(service.metadata.labels), repeated(slice.metadata.labels)];
  return wanted.length === present.length && wanted.every(([key, value]) => slice.metadata.labels?.[key] === value);
}

/** The Service's ports at the numbers that a pod has them at; undefined: it has no such port. */
function portsAt(service: Service, numbers: readonly (number | undefined)[]): EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port, i) => {
    const number = numbers[i];
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, port: number, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
}
function endpointOf(pod: Pod, service: Service, addresses: string[], node: Node | undefined): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const hostname = hostnameFor(pod, service);
  const zone = node?.metadata.labels?.[ZONE];
  const { namespace, name, uid } = pod.metadata;
  return {
    addresses,
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname && { hostname }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
  };
}

export interface Desired {
  readonly groups: ReadonlyMap<string, Group>;
  /** Why pods are left out, one text each. */
  readonly problems: readonly string[];
}
/** What the slices of one address type are to say. Source: k8s.io/endpointslice reconcileByAddressType, podToEndpoint. */
export function desiredOf(
  service: Service,
  pods: Iterable<Pod>,
  type: AddressType,
  nodeNamed: (name: string) => Node | undefined,
): Desired {
  const groups = new Map<string, Group>();
  // Mostly all pods have the same ports: they are written out once.
  let last: { readonly numbers: readonly (number | undefined)[]; readonly group: Group } | undefined;
  const groupOf = (pod: Pod): Group => {
    const numbers = (service.spec?.ports ?? []).map((port) => findPort(pod, port));
    if (last && last.numbers.every((number, i) => number === numbers[i])) return last.group;
    const ports = portsAt(service, numbers);
    const key = portsKey(ports);
    let group = groups.get(key);
    if (!group) groups.set(key, (group = { ports, endpoints: new Map() }));
    last = { numbers, group };
    return group;
  };
  const problems: string[] = [];
  for (const pod of pods) {
    const all = isPodTerminal(pod) ? [] : addressesOf(pod);
    if (all.length === 0) continue;
    const { nodeName = '' } = pod.spec ?? {};
    const node = nodeName ? nodeNamed(nodeName) : undefined;
    if (!node && !service.spec?.publishNotReadyAddresses) {
      const { namespace, name } = service.metadata;
      problems.push(`skipping Pod ${pod.metadata.name} for Service ${namespace}/${name}: Node ${nodeName} Not Found`);
      continue;
    }
    const addresses = all.filter((ip) => isIpv6(ip) === (type === 'IPv6'));
    if (addresses.length === 0) continue;
    groupOf(pod).endpoints.set(pod.metadata.name!, endpointOf(pod, service, addresses, node));
  }
  return { groups, problems };
}
