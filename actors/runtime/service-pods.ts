import type { Pod, Service, ServicePort } from '../../schemas/generated/core-v1.ts';
import { equal } from '../../schemas/meta/equal.ts';
import { keyOf } from '../../schemas/meta/object.ts';
import { parseIp } from '../../schemas/meta/ip.ts';
import { selectorFromLabels, type Selector } from '../../schemas/meta/selectors.ts';
import { formatIp } from '../../schemas/networking/strict-ip.ts';
import type { Informer } from './informer.ts';
import { isPodReady, isPodTerminal } from './pods.ts';
import { BY_NAMESPACE, byNamespace } from './store.ts';

/** What the endpoint controllers share: which pods are behind a Service, and where. */

/** Without one its endpoints are someone else's. Kubernetes cannot tell an empty one from none. */
export const selects = ({ spec }: Service): boolean => Object.keys(spec?.selector ?? {}).length > 0;
/** Whether controllers keep its endpoints. */
export const hasSelector = (service: Service): boolean => selects(service) && service.spec?.type !== 'ExternalName';
export const hasClusterIp = (service: Service): boolean =>
  service.spec?.clusterIP !== undefined && service.spec.clusterIP !== '' && service.spec.clusterIP !== 'None';
export const isIpv6 = (ip: string): boolean => ip.includes(':');

const PLAIN_IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}(?<!\.)$/;
/** An address as Go writes it, however it was written; undefined for what is none. Source: netutils.ParseIPSloppy. */
export function canonicalAddress(text: string): string | undefined {
  if (PLAIN_IPV4.test(text)) return text;
  const parsed = parseIp(text);
  if (!parsed) return undefined;
  const { family, value } = parsed;
  return family === 6 && value >> 32n === 0xffffn ? formatIp(4, value & 0xffffffffn) : formatIp(family, value);
}
export const addressesOf = (pod: Pod): readonly string[] => {
  const { podIPs, podIP } = pod.status ?? {};
  const ips = podIPs?.map((entry) => entry.ip).filter((ip) => ip !== undefined && ip !== '') ?? [];
  return (ips.length > 0 ? ips : podIP ? [podIP] : []).map((ip) => canonicalAddress(ip) ?? ip);
};
/** A pod has endpoints from its first address until it is over. */
export const hasEndpoints = (pod: Pod, includeTerminating: boolean): boolean =>
  !isPodTerminal(pod) && addressesOf(pod).length > 0 && (includeTerminating || !pod.metadata.deletionTimestamp);
export const hostnameFor = (pod: Pod, service: Service): string | undefined =>
  pod.spec?.hostname && pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;

/** The pod's port that the Service's port leads to; undefined when no container names it. Source: endpointslice FindPort. */
export function findPort(pod: Pod, port: ServicePort): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  const sidecars = pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always') ?? [];
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars])
    for (const p of container.ports ?? [])
      if (p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return p.containerPort;
  return undefined;
}

const selectors = new WeakMap<Service, Selector>();
/** Of the Service's pods; one object of a cache has one. */
function selectorOf(service: Service): Selector {
  let selector = selectors.get(service);
  if (!selector) selectors.set(service, (selector = selectorFromLabels(service.spec?.selector)));
  return selector;
}
export function* podsOf(service: Service, pods: Informer<Pod>): Iterable<Pod> {
  const selector = selectorOf(service);
  for (const pod of pods.byIndex(BY_NAMESPACE, service.metadata.namespace!))
    if (selector.matches(pod.metadata.labels)) yield pod;
}

/** Whether what endpoints say of a pod has changed. Source: k8s.io/endpointslice/util podEndpointsChanged. */
const isChanged = (pod: Pod, old: Pod): boolean =>
  pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
  isPodReady(pod) !== isPodReady(old) ||
  isPodTerminal(pod) !== isPodTerminal(old) ||
  pod.spec?.nodeName !== old.spec?.nodeName ||
  !equal(addressesOf(pod), addressesOf(old));

/**
 * Keys of the Services whose endpoints a changed pod changes: of all it was or is behind; when only its labels have
 * changed, of those that it is behind only now or was only before. Source: k8s.io/endpointslice/util GetServicesToUpdate.
 */
export function servicesOfPod(services: Informer<Service>): (pod: Pod, old: Pod | undefined) => Iterable<string> {
  services.addIndex(BY_NAMESPACE, byNamespace);
  return function* (pod, old) {
    const changed = old ? isChanged(pod, old) : addressesOf(pod).length > 0;
    const relabelled = old !== undefined && !equal(pod.metadata.labels, old.metadata.labels);
    if (!changed && !relabelled) return;
    for (const service of services.byIndex(BY_NAMESPACE, pod.metadata.namespace!)) {
      if (!hasSelector(service)) continue;
      const selector = selectorOf(service);
      const is = selector.matches(pod.metadata.labels);
      const was = relabelled ? selector.matches(old.metadata.labels) : is;
      if (changed ? is || was : is !== was) yield keyOf(service);
    }
  };
}
