import type { Container, Pod } from '../generated/core-v1.ts';
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

/**
 * What a pod takes from its node: sum of containers and sidecars, at least what each init container needs together
 * with the sidecars before it; pod-level requests instead where set; plus overhead.
 * `floor` stands in for cpu or memory that a container does not request (scoring counts such pods as small, not free).
 * Source: component-helpers resource.PodRequests.
 */
export function podRequests(pod: Pod, floor?: Amounts): Amounts {
  const spec = pod.spec;
  if (spec === undefined) return new Map();
  const of = (container: Container): Amounts => {
    const requests = amountsOf(container.resources?.requests);
    if (floor !== undefined) for (const [name, n] of floor) if (!requests.has(name)) requests.set(name, n);
    return requests;
  };
  const total: Amounts = new Map();
  for (const container of spec.containers) add(total, of(container));
  if (spec.initContainers !== undefined) {
    const sidecars: Amounts = new Map();
    const peak: Amounts = new Map();
    for (const container of spec.initContainers) {
      const requests = of(container);
      if (isSidecar(container)) {
        add(total, requests);
        add(sidecars, requests);
        raise(peak, sidecars);
      } else {
        add(requests, sidecars);
        raise(peak, requests);
      }
    }
    raise(total, peak);
  }
  for (const [name, quantity] of Object.entries(spec.resources?.requests ?? {}))
    if (POD_LEVEL(name)) total.set(name, amount(name, quantity));
  if (spec.overhead !== undefined) add(total, amountsOf(spec.overhead));
  return total;
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
