import type { Service } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { isExternallyAccessible, needsClusterIp, needsHealthCheckPort, needsNodePort } from './service-kinds.ts';

/** clusterIP and clusterIPs say the same where a client knew only one. Source: pkg/registry/core/service normalizeClusterIPs. */
export function syncClusterIps(draft: Service, old: Service | undefined): void {
  const spec = draft.spec!;
  const plural = spec.clusterIPs ?? [];
  if (old === undefined) {
    if (spec.clusterIP && plural.length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const before = old.spec?.clusterIP ?? '';
  const pluralBefore = old.spec?.clusterIPs ?? [];
  if (pluralBefore.length > 0 && plural.length === 0 && before === (spec.clusterIP ?? ''))
    spec.clusterIPs = [...pluralBefore];
  if (before === (spec.clusterIP ?? '') || !equal(spec.clusterIPs, pluralBefore)) return;
  if (before !== '' && !spec.clusterIP) delete spec.clusterIPs;
  else if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP];
}
/** What was allocated is kept where the client left it out. Source: patchAllocatedValues. */
export function inheritAllocations(draft: Service, old: Service): void {
  const spec = draft.spec!;
  const before = old.spec ?? {};
  if (needsClusterIp(old) && needsClusterIp(draft)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if ((spec.clusterIPs ?? []).length === 0 && before.clusterIPs) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePort(old) && needsNodePort(draft)) {
    const byName = new Map((before.ports ?? []).map((p) => [p.name ?? '', p.nodePort ?? 0]));
    const kept = new Set((spec.ports ?? []).map((p) => p.nodePort ?? 0));
    const used = new Set([...byName.values()].filter((p) => p !== 0 && kept.has(p)));
    for (const port of spec.ports ?? []) {
      const known = byName.get(port.name ?? '') ?? 0;
      if (!port.nodePort && known !== 0 && !used.has(known)) port.nodePort = known;
    }
  }
  if (
    needsHealthCheckPort(old) &&
    needsHealthCheckPort(draft) &&
    !spec.healthCheckNodePort &&
    before.healthCheckNodePort
  )
    spec.healthCheckNodePort = before.healthCheckNodePort;
}
/** Fields that a change of type made meaningless and the client did not touch. Source: dropTypeDependentFields. */
export function wipeUnused(draft: Service, old: Service): void {
  const spec = draft.spec!;
  const before = old.spec ?? {};
  if (needsClusterIp(old) && !needsClusterIp(draft)) {
    if (spec.clusterIP === before.clusterIP && equal(spec.clusterIPs, before.clusterIPs)) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (equal(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
    if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(old) && !needsNodePort(draft)) {
    const known = new Set((before.ports ?? []).map((p) => p.nodePort));
    if ((spec.ports ?? []).every((p) => !p.nodePort || known.has(p.nodePort)))
      for (const port of spec.ports ?? []) delete port.nodePort;
  }
  if (
    needsHealthCheckPort(old) &&
    !needsHealthCheckPort(draft) &&
    spec.healthCheckNodePort === before.healthCheckNodePort
  )
    delete spec.healthCheckNodePort;
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts)
      delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (
    isExternallyAccessible(old) &&
    !isExternallyAccessible(draft) &&
    spec.externalTrafficPolicy === before.externalTrafficPolicy
  )
    delete spec.externalTrafficPolicy;
  if (spec.type !== 'LoadBalancer') draft.status = { ...draft.status, loadBalancer: {} };
}
