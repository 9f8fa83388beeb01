import type { Pod, Service, ServicePort } from '../../schemas/generated/core-v1.ts';
import { equal } from '../../schemas/meta/equal.ts';
import { keyOf } from '../../schemas/meta/object.ts';
import { selectorFromLabels } from '../../schemas/meta/selectors.ts';
import type { Informer } from './informer.ts';
import { isPodReady, isPodTerminal } from './pods.ts';
import { BY_NAMESPACE, byNamespace } from './store.ts';

/** What the endpoint controllers share: which pods are behind a Service, and where. */

/** An empty selector selects nothing: such a Service's endpoints are someone else's. */
export const hasSelector = (service: Service): boolean => service.spec?.selector !== undefined && service.spec.type !== 'ExternalName'; // prettier-ignore
export const hasClusterIp = (service: Service): boolean =>
  service.spec?.clusterIP !== undefined && service.spec.clusterIP !== '' && service.spec.clusterIP !== 'None';
export const isIpv6 = (ip: string): boolean => ip.includes(':');

export const addressesOf = (pod: Pod): readonly string[] => {
  const { podIPs, podIP } = pod.status ?? {};
  const ips = podIPs?.map((entry) => entry.ip).filter((ip) => ip !== undefined && ip !== '') ?? [];
  return ips.length > 0 ? ips : podIP ? [podIP] : [];
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

export function* podsOf(service: Service, pods: Informer<Pod>): Iterable<Pod> {
  const selector = selectorFromLabels(service.spec?.selector);
  for (const pod of pods.byIndex(BY_NAMESPACE, service.metadata.namespace!))
    if (selector.matches(pod.metadata.labels)) yield pod;
}

/** Whether the change of a pod may change anybody's endpoints. */
function isRelevant(pod: Pod, old: Pod | undefined): boolean {
  if (!old) return addressesOf(pod).length > 0;
  return (
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    isPodReady(pod) !== isPodReady(old) ||
    isPodTerminal(pod) !== isPodTerminal(old) ||
    !equal(addressesOf(pod), addressesOf(old)) ||
    !equal(pod.metadata.labels, old.metadata.labels) ||
    pod.spec?.hostname !== old.spec?.hostname
  );
}
/** Keys of the Services that a changed pod was or is behind. */
export function servicesOfPod(services: Informer<Service>): (pod: Pod, old: Pod | undefined) => Iterable<string> {
  services.addIndex(BY_NAMESPACE, byNamespace);
  return function* (pod, old) {
    if (!isRelevant(pod, old)) return;
    for (const service of services.byIndex(BY_NAMESPACE, pod.metadata.namespace!)) {
      if (!hasSelector(service)) continue;
      const selector = selectorFromLabels(service.spec!.selector);
      if (selector.matches(pod.metadata.labels) || (old && selector.matches(old.metadata.labels))) yield keyOf(service);
    }
  };
}
