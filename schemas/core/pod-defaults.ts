import type { Container, Pod, PodSpec, PodStatus } from '../generated/core-v1.ts';
import type { Quantity } from '../generated/api-resource.ts';
import { addQuantities, compareQuantities } from '../meta/quantity.ts';
import { defaultPodSpec, dropInitContainerAnnotations, roundUp, roundUpList } from './pod-spec-defaults.ts';

/** Defaults of a Pod beyond those of its spec in a template. Source: pkg/apis/core/v1 SetDefaults_Pod. */
export function defaultPod(pod: Pod): Pod {
  dropInitContainerAnnotations(pod.metadata);
  singleAddress(pod.status);
  if (pod.status) roundUpStatus(pod.status);
  const spec = defaultPodSpec((pod.spec ??= { containers: [] }));
  // Only of a Pod. Source: pkg/apis/core/v1 Convert_v1_Pod_To_core_Pod.
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { resources } = container;
    if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests };
  }
  defaultPodResources(spec);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) {
    for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
      for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
  return pod;
}
/** The older of two fields of the same wins where they differ. Source: Convert_v1_PodStatus_To_core_PodStatus and back. */
function singleAddress(status: PodStatus | undefined): void {
  if (!status) return;
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP && status.podIP !== first) status.podIPs = [{ ip: status.podIP }];
  else if (first) status.podIP = first;
}
/** Source: pkg/apis/core/v1 SetObjectDefaults_Pod. */
function roundUpStatus(status: PodStatus): void {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = status;
  const containers = [containerStatuses, initContainerStatuses, ephemeralContainerStatuses].flatMap((all) => all ?? []);
  for (const { resources, allocatedResources } of [status, ...containers]) {
    roundUp(resources);
    if (allocatedResources) roundUpList(allocatedResources);
  }
}
const isPodLevel = (resource: string): boolean =>
  resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');

/** Limits and requests of the pod as a whole follow its containers' where it has any. Source: defaultPodRequests. */
function defaultPodResources(spec: PodSpec): void {
  const { resources } = spec;
  if (!resources || (!resources.limits && !resources.requests)) return;
  const limits: Record<string, Quantity> = { ...resources.limits };
  for (const [name, value] of Object.entries(aggregateResources(spec, 'limits')))
    if (name.startsWith('hugepages-') && resources.requests?.[name] === undefined) limits[name] ??= value;
  if (Object.keys(limits).length > 0) resources.limits = limits;
  if (!resources.limits) return;
  const requests: Record<string, Quantity> = { ...resources.requests };
  for (const [name, value] of Object.entries(aggregateResources(spec, 'requests')))
    if (name === 'cpu' || name === 'memory') requests[name] ??= value;
  for (const [name, value] of Object.entries(resources.limits)) if (isPodLevel(name)) requests[name] ??= value;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}
/** The sum of all containers, or more if an init container needs more. Source: component-helpers AggregateContainerRequests. */
export function aggregateResources(spec: PodSpec, which: 'limits' | 'requests'): Record<string, Quantity> {
  const sum: Record<string, Quantity> = {};
  const add = (c: Container, into: Record<string, Quantity>): void => {
    for (const [name, value] of Object.entries(c.resources?.[which] ?? {}))
      into[name] = into[name] === undefined ? value : addQuantities(into[name], value);
  };
  for (const c of spec.containers ?? []) add(c, sum);
  const sidecars: Record<string, Quantity> = {};
  const peak: Record<string, Quantity> = {};
  for (const c of spec.initContainers ?? []) {
    if (c.restartPolicy === 'Always') {
      add(c, sum);
      add(c, sidecars);
    }
    const now = { ...sidecars };
    if (c.restartPolicy !== 'Always') add(c, now);
    for (const [name, value] of Object.entries(now))
      if (peak[name] === undefined || compareQuantities(value, peak[name]) > 0) peak[name] = value;
  }
  for (const [name, value] of Object.entries(peak))
    if (sum[name] === undefined || compareQuantities(value, sum[name]) > 0) sum[name] = value;
  return sum;
}
