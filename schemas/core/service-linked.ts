import type { Service } from '../generated/core-v1.ts';
import { needsClusterIp, needsHealthCheckPort } from './service-kinds.ts';

const same = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  (a ?? []).length === (b ?? []).length && (a ?? []).every((v, i) => v === b?.[i]);

/** Of load balancers only those that did not decline. Source: storage.go needsNodePort. */
const allocatesNodePorts = ({ spec }: Service): boolean =>
  spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

/**
 * Keeps clusterIP and clusterIPs in step for clients that know only the first.
 * Source: kubernetes pkg/registry/core/service/storage/storage.go normalizeClusterIPs.
 */
export function normalizeAddresses(service: Service, old: Service | undefined): void {
  const spec = service.spec!;
  if (old === undefined) {
    if (spec.clusterIP && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = old.spec ?? {};
  const [one, was] = [spec.clusterIP ?? '', before.clusterIP ?? ''];
  if ((before.clusterIPs ?? []).length > 0 && (spec.clusterIPs ?? []).length === 0 && one === was)
    spec.clusterIPs = [...before.clusterIPs!];
  if (one === was || !same(before.clusterIPs, spec.clusterIPs)) return;
  if (was !== '' && one === '') delete spec.clusterIPs;
  else spec.clusterIPs = [one];
}

/**
 * A client that leaves out what the server had chosen keeps it. Source: storage.go patchAllocatedValues.
 */
export function adoptAllocated(service: Service, old: Service): void {
  const [spec, before] = [service.spec!, old.spec ?? {}];
  if (needsClusterIp(service) && needsClusterIp(old)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if ((spec.clusterIPs ?? []).length === 0 && (before.clusterIPs ?? []).length > 0)
      spec.clusterIPs = [...before.clusterIPs!];
  }
  if (allocatesNodePorts(service) && allocatesNodePorts(old)) {
    const ports = (s: Service): number[] => (s.spec?.ports ?? []).map((p) => p.nodePort ?? 0).filter((p) => p !== 0);
    const kept = new Set(ports(service).filter((p) => ports(old).includes(p)));
    const byName = new Map((before.ports ?? []).map((p) => [p.name ?? '', p.nodePort ?? 0]));
    for (const port of spec.ports ?? []) {
      const was = byName.get(port.name ?? '') ?? 0;
      if (!port.nodePort && was !== 0 && !kept.has(was)) port.nodePort = was;
    }
  }
  if (
    needsHealthCheckPort(service) &&
    needsHealthCheckPort(old) &&
    !spec.healthCheckNodePort &&
    before.healthCheckNodePort
  )
    spec.healthCheckNodePort = before.healthCheckNodePort;
}
