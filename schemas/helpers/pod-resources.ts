import type { Container, ContainerStatus, Pod } from '../generated/core-v1.ts';
import { milliValue, value } from './quantity-number.ts';

/** Amounts by resource name as numbers: thousandths for `cpu`, whole units for everything else. */
export type Amounts = Map<string, number>;

type QuantityMap = Readonly<Record<string, string | number>> | undefined;
export const amount = (resource: string, quantity: string | number | undefined): number =>
  resource === 'cpu' ? milliValue(quantity) : value(quantity);

export function amountsOf(list: QuantityMap): Amounts {
  const out: Amounts = new Map();
  for (const [name, quantity] of Object.entries(list ?? {})) out.set(name, amount(name, quantity));
  return out;
}
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

const add = (to: Amounts, from: Amounts): void => {
  for (const [name, n] of from) to.set(name, (to.get(name) ?? 0) + n);
};
const raise = (to: Amounts, from: Amounts): void => {
  for (const [name, n] of from) if (n > (to.get(name) ?? -1)) to.set(name, n);
};
/** Resources that a pod itself, not its containers, may request. Source: component-helpers resource.SupportedPodLevelResources. */
const POD_LEVEL = (name: string): boolean => name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

export interface RequestOptions {
  /** Stands in for cpu or memory that a container does not request (scoring counts such pods as small, not free). */
  readonly floor?: Amounts | undefined;
  /** Counts the containers alone, also where the pod itself names what it wants. */
  readonly skipPodLevel?: boolean | undefined;
  /** Counts what containers have, by their status, while that is more than what they ask for (a resize under way). */
  readonly useStatus?: boolean | undefined;
}
/** Whether the pod itself, not its containers, requests something. Source: component-helpers IsPodLevelRequestsSet. */
export const hasPodLevelRequests = ({ spec }: Pod): boolean =>
  spec?.resources?.requests !== undefined && Object.keys(spec.resources.requests).some(POD_LEVEL);

/**
 * What a pod takes from its node: sum of containers and sidecars, at least what each init container needs together
 * with the sidecars before it; pod-level requests instead where set; plus overhead.
 * Source: component-helpers resource.PodRequests.
 */
export function podRequests(pod: Pod, o: RequestOptions = {}): Amounts {
  const spec = pod.spec;
  if (spec === undefined) return new Map();
  const of = (container: Container, statuses?: readonly ContainerStatus[]): Amounts => {
    const status = o.useStatus === true ? statuses?.find(({ name }) => name === container.name) : undefined;
    const requests =
      status?.resources === undefined
        ? amountsOf(container.resources?.requests)
        : effective(pod, container.resources?.requests, status.resources.requests, status.allocatedResources);
    if (o.floor !== undefined) for (const [name, n] of o.floor) if (!requests.has(name)) requests.set(name, n);
    return requests;
  };
  const total: Amounts = new Map();
  for (const container of spec.containers) add(total, of(container, pod.status?.containerStatuses));
  if (spec.initContainers !== undefined) {
    const sidecars: Amounts = new Map();
    const peak: Amounts = new Map();
    for (const container of spec.initContainers) {
      if (isSidecar(container)) {
        const requests = of(container, pod.status?.initContainerStatuses);
        add(total, requests);
        add(sidecars, requests);
        raise(peak, sidecars);
      } else {
        const requests = of(container);
        add(requests, sidecars);
        raise(peak, requests);
      }
    }
    raise(total, peak);
  }
  if (o.skipPodLevel !== true && hasPodLevelRequests(pod)) {
    const requests = spec.resources!.requests!;
    const status = o.useStatus === true ? pod.status?.resources : undefined;
    const actual = status && effective(pod, requests, status.requests, pod.status?.allocatedResources);
    for (const [name, quantity] of Object.entries(requests))
      if (POD_LEVEL(name)) total.set(name, actual?.get(name) ?? amount(name, quantity));
  }
  if (spec.overhead !== undefined) add(total, amountsOf(spec.overhead));
  return total;
}
/** The most of what is asked for, what is there and what was granted; of what can never be granted not what is asked for. */
function effective({ status }: Pod, asked: QuantityMap, actual: QuantityMap, granted: QuantityMap): Amounts {
  const pending = status?.conditions?.find(({ type }) => type === 'PodResizePending');
  const most = pending?.reason === 'Infeasible' ? new Map<string, number>() : amountsOf(asked);
  raise(most, amountsOf(actual));
  raise(most, amountsOf(granted));
  return most;
}

/** Host ports a pod claims. Source: scheduler framework util GetHostPorts (containers and sidecars). */
export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}
export function hostPorts(pod: Pod): readonly HostPort[] {
  const out: HostPort[] = [];
  const containers = pod.spec?.containers ?? [];
  const sidecars = pod.spec?.initContainers?.filter(isSidecar) ?? [];
  for (const container of sidecars.length === 0 ? containers : [...containers, ...sidecars])
    for (const p of container.ports ?? [])
      if (p.hostPort !== undefined && p.hostPort > 0)
        out.push({ ip: p.hostIP || '0.0.0.0', protocol: p.protocol || 'TCP', port: p.hostPort });
  return out;
}
export const portsCollide = (a: HostPort, b: HostPort): boolean =>
  a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0');

/** Source: component-helpers / kubelet qos ComputePodQOS: only cpu and memory count. */
export function qosClass(pod: Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  if (pod.status?.qosClass !== undefined) return pod.status.qosClass;
  const spec = pod.spec;
  if (spec === undefined) return 'BestEffort';
  const groups = spec.resources !== undefined ? [spec.resources] : [...spec.containers, ...(spec.initContainers ?? [])].map((c) => c.resources); // prettier-ignore
  const requests = new Map<string, number>();
  const limits = new Map<string, number>();
  let guaranteed = true;
  for (const group of groups) {
    let limited = 0;
    for (const name of ['cpu', 'memory']) {
      const request = amount(name, group?.requests?.[name]);
      const limit = amount(name, group?.limits?.[name]);
      if (request > 0) requests.set(name, (requests.get(name) ?? 0) + request);
      if (limit > 0) {
        limits.set(name, (limits.get(name) ?? 0) + limit);
        limited++;
      }
    }
    if (limited < 2) guaranteed = false;
  }
  if (requests.size === 0 && limits.size === 0) return 'BestEffort';
  const equal = [...requests].every(([name, n]) => limits.get(name) === n) && requests.size === limits.size;
  return guaranteed && equal ? 'Guaranteed' : 'Burstable';
}
export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
