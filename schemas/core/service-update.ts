import type { Service } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { isExternallyAccessible, needsClusterIp, needsHealthCheckPort, needsNodePort } from './service-kinds.ts';

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
