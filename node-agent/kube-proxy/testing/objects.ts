import type { Service, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import type { EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { SERVICE_NAME } from '../plan/facts.ts';

/** A Service as the API server has it, defaults and all; `namespace/name` or a name in `default`. */
export function serviceOf(key: string, spec: Partial<ServiceSpec>, status: Service['status'] = {}): Service {
  const [name = '', namespace = 'default'] = key.split('/').toReversed();
  const clusterIP = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '10.96.0.1';
  const clusterIPs = spec.clusterIPs ?? [clusterIP];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, uid: `uid-${namespace}-${name}` },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs,
      ipFamilies: clusterIPs.map((ip) => (ip.includes(':') ? 'IPv6' : 'IPv4')),
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
    status,
  };
}
export interface EndpointSpec {
  readonly ip: string;
  readonly node?: string;
  /** `ready` (default), `ending` (it still serves), `gone` (it ends and does not serve), `unready`. */
  readonly is?: 'ready' | 'ending' | 'gone' | 'unready';
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}
const CONDITIONS = {
  ready: { ready: true, serving: true, terminating: false },
  ending: { ready: false, serving: true, terminating: true },
  gone: { ready: false, serving: false, terminating: true },
  unready: { ready: false, serving: false, terminating: false },
};
export function sliceOf(key: string, suffix: string, endpoints: readonly EndpointSpec[], ports: readonly EndpointPort[]): EndpointSlice {
  const [name = '', namespace = 'default'] = key.split('/').toReversed();
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-${suffix}`, namespace, labels: { [SERVICE_NAME]: name } },
    addressType: endpoints[0]?.ip.includes(':') ? 'IPv6' : 'IPv4',
    ports: ports.map((port) => ({ protocol: 'TCP', ...port })),
    endpoints: endpoints.map(({ ip, node, is = 'ready', zones, nodes }) => ({
      addresses: [ip],
      conditions: CONDITIONS[is],
      ...(node !== undefined && { nodeName: node }),
      ...((zones ?? nodes) && {
        hints: {
          ...(zones && { forZones: zones.map((zone) => ({ name: zone })) }),
          ...(nodes && { forNodes: nodes.map((each) => ({ name: each })) }),
        },
      }),
    })),
  };
} // prettier-ignore
