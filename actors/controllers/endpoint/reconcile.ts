import type { EndpointAddress, Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Decision } from '../../runtime/intent.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { endpoints as endpointsResource } from '../../runtime/resources.ts';
import { addressesOf, findPort, hasClusterIp, hasEndpoints, hostnameFor, isIpv6 } from '../../runtime/service-pods.ts';
import { pack, truncate, type Place } from './subsets.ts';

export const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
export const MANAGER = 'endpoint-controller';
const HEADLESS = 'service.kubernetes.io/headless';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';

export interface Observed {
  readonly key: string;
  /** undefined: gone. */
  readonly service: Service | undefined;
  readonly pods: Iterable<Pod>;
  readonly endpoints: Endpoints | undefined;
}
export const isManaged = (endpoints: Endpoints): boolean => endpoints.metadata.labels?.[MANAGED_BY] === MANAGER;

function addressOf(pod: Pod, service: Service): EndpointAddress | undefined {
  const first = service.spec?.ipFamilies?.[0];
  const reference = hasClusterIp(service) ? service.spec!.clusterIP! : (addressesOf(pod)[0] ?? '');
  const wants6 = first ? first === 'IPv6' : isIpv6(reference);
  const ip = addressesOf(pod).find((address) => isIpv6(address) === wants6);
  if (ip === undefined) return undefined;
  const hostname = hostnameFor(pod, service);
  const { namespace, name, uid } = pod.metadata;
  return {
    ip,
    ...(hostname && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}
function* placesOf({ service, pods }: Observed & { service: Service }): Iterable<Place> {
  const tolerant = service.spec?.publishNotReadyAddresses === true;
  for (const pod of pods) {
    if (!hasEndpoints(pod, tolerant)) continue;
    const address = addressOf(pod, service);
    if (!address) continue;
    const ready = tolerant || isPodReady(pod);
    const ports = service.spec?.ports ?? [];
    if (ports.length === 0 && !hasClusterIp(service)) yield { address, port: undefined, ready };
    for (const servicePort of ports) {
      const { name, protocol = 'TCP', appProtocol } = servicePort;
      const number = findPort(pod, servicePort);
      if (number === undefined) continue;
      yield { address, ready, port: { ...(name && { name }), port: number, protocol, ...(appProtocol && { appProtocol }) } }; // prettier-ignore
    }
  }
}

/** The old form of a Service's endpoints: one object with all of them. Source: pkg/controller/endpoint. */
export function reconcile(observed: Observed): Decision {
  const { service, endpoints, key } = observed;
  if (!service) {
    if (!endpoints || !isManaged(endpoints)) return { intents: [] };
    const { namespace, name, uid } = endpoints.metadata;
    return { intents: [{ op: 'delete', gvr: endpointsResource, namespace, name: name!, uid }] };
  }
  const full = pack(placesOf({ ...observed, service }));
  const cut = truncate(full);
  const subsets = cut ?? full;
  const labels = {
    ...service.metadata.labels,
    ...(!hasClusterIp(service) && { [HEADLESS]: '' }),
    [MANAGED_BY]: MANAGER,
  };
  const { [OVER_CAPACITY]: _over, ...others } = endpoints?.metadata.annotations ?? {};
  const annotations = { ...others, ...(cut && { [OVER_CAPACITY]: 'truncated' }) };
  const [namespace, name] = key.split('/');
  if (!endpoints) {
    if (service.metadata.deletionTimestamp) return { intents: [] };
    const object: Endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace, labels, ...(cut && { annotations }) },
      ...(subsets.length > 0 && { subsets }),
    };
    return { intents: [{ op: 'create', gvr: endpointsResource, object, tolerate: ['Forbidden'] }] };
  }
  const { metadata } = endpoints;
  if (equal(endpoints.subsets, subsets) && equal(metadata.labels, labels) && equal(metadata.annotations, annotations))
    return { intents: [] };
  const object: Endpoints = { ...endpoints, metadata: { ...metadata, labels, annotations }, subsets };
  return { intents: [{ op: 'update', gvr: endpointsResource, object }] };
}
