import type { EndpointAddress, Endpoints, EndpointSubset, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { pack, type Place } from '../../runtime/endpoint-subsets.ts';
import type { Decision } from '../../runtime/intent.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { endpoints as endpointsResource } from '../../runtime/resources.ts';
import { addressesOf, findPort, hasClusterIp, hasEndpoints, hostnameFor, isIpv6 } from '../../runtime/service-pods.ts';
import { withTriggerTime } from '../../runtime/trigger-times.ts';
import { truncate } from './capacity.ts';

const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const HEADLESS = 'service.kubernetes.io/headless';
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
/** Of those by which older components agreed on who leads. */
const LEADER = 'control-plane.alpha.kubernetes.io/leader';

export interface Observed {
  readonly key: string;
  /** undefined: gone. */
  readonly service: Service | undefined;
  readonly pods: Iterable<Pod>;
  readonly endpoints: Endpoints | undefined;
  /** When what led here happened. */
  readonly triggered?: string | undefined;
}

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
/** Whatever the order of ports and subsets, and whatever version of its pod an address was taken from. */
function samePlaces(present: readonly EndpointSubset[] | undefined, wanted: readonly EndpointSubset[]): boolean {
  return equal(present, wanted) || equal(pack(placesIn(present ?? [])), wanted);
}
function* placesIn(subsets: readonly EndpointSubset[]): Iterable<Place> {
  for (const { addresses = [], notReadyAddresses = [], ports } of subsets)
    for (const [list, ready] of [[addresses, true], [notReadyAddresses, false]] as const)
      for (const { targetRef, ...rest } of list) {
        const { resourceVersion: _version, ...target } = targetRef ?? {};
        const address = { ...rest, ...(targetRef && { targetRef: target }) };
        for (const port of ports?.length ? ports : [undefined]) yield { address, port, ready };
      }
} // prettier-ignore
/** The mark of headless Services is set with each write, and alone is no reason for one. Source: labelsCorrectForEndpoints. */
function sameLabels(present: Endpoints, wanted: Readonly<Record<string, string>>): boolean {
  const { [HEADLESS]: _is, ...is } = present.metadata.labels ?? {};
  const { [HEADLESS]: _should, ...should } = wanted;
  return equal(is, should);
}

/** The old form of a Service's endpoints: one object with all of them. Source: pkg/controller/endpoint. */
export function reconcile(observed: Observed): Decision {
  const { service, endpoints, key, triggered } = observed;
  if (!service) {
    if (!endpoints || endpoints.metadata.annotations?.[LEADER] !== undefined) return { intents: [] };
    const { namespace, name, uid } = endpoints.metadata;
    return { intents: [{ op: 'delete', gvr: endpointsResource, namespace, name: name!, uid }] };
  }
  const full = pack(placesOf({ ...observed, service }));
  const cut = truncate(full);
  const subsets = cut ?? full;
  const { [HEADLESS]: _headless, ...own } = service.metadata.labels ?? {};
  const labels = { ...own, ...(!hasClusterIp(service) && { [HEADLESS]: '' }), [MANAGED_BY]: MANAGER };
  const { [OVER_CAPACITY]: mark, ...others } = endpoints?.metadata.annotations ?? {};
  const annotations = withTriggerTime({ ...others, ...(cut && { [OVER_CAPACITY]: 'truncated' }) }, triggered);
  const [namespace, name] = key.split('/');
  if (!endpoints) {
    const metadata = { name, namespace, labels, annotations };
    const object: Endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata, ...(subsets.length > 0 && { subsets }) };
    return { intents: [{ op: 'create', gvr: endpointsResource, object }] };
  }
  const isMarked = cut ? mark === 'truncated' : mark === undefined;
  if (isMarked && sameLabels(endpoints, labels) && samePlaces(endpoints.subsets, subsets)) return { intents: [] };
  const object: Endpoints = { ...endpoints, metadata: { ...endpoints.metadata, labels, annotations }, subsets };
  return { intents: [{ op: 'update', gvr: endpointsResource, object }] };
}
