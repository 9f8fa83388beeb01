import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { addressOf, FAMILIES, familyName, rangeOf, type Family, type Range } from './address.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
/** What of a port of a Service, for one family of addresses, rules are made of. Source: pkg/proxy BaseServicePortInfo. */
export interface ServicePort {
  /** `namespace/name`. */
  readonly service: string;
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly family: Family;
  readonly clusterIP: string;
  readonly port: number;
  /** 0: it has none. */
  readonly nodePort: number;
  readonly externalIPs: readonly string[];
  /** Of its load balancers, those whose packets come here as they are. */
  readonly balancerIPs: readonly string[];
  /** Who may use these; empty: anybody. */
  readonly sourceRanges: readonly Range[];
  /** How long a client keeps its endpoint; 0: it does not. */
  readonly affinitySeconds: number;
  readonly isExternalLocal: boolean;
  readonly isInternalLocal: boolean;
  /** Where load balancers ask whether this node has endpoints; 0: nowhere. */
  readonly healthCheckNodePort: number;
}
export interface ServiceFacts {
  readonly key: string;
  readonly uid: string;
  readonly ports: readonly ServicePort[];
}
export interface SliceEndpoint {
  readonly ip: string;
  readonly isLocal: boolean;
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  /** Whether it is meant for this node; undefined: nobody said for which. */
  readonly isForNode: boolean | undefined;
  /** undefined: nobody said for which. */
  readonly forZones: readonly string[] | undefined;
}
export interface SliceFacts {
  /** `namespace/name` of the Service. */
  readonly service: string;
  readonly name: string;
  readonly family: Family;
  readonly ports: readonly { readonly name: string; readonly protocol: Protocol; readonly port: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}
const PROXY_NAME = 'service.kubernetes.io/service-proxy-name';
export const SERVICE_NAME = 'kubernetes.io/service-name';
const DEFAULT_STICKY_SECONDS = 10_800;
/** The API says null of empty lists of slices. */
type Listed<T> = readonly T[] | null | undefined;

/** undefined: it is not for us (headless, ExternalName, or another proxy's). Source: pkg/proxy serviceToServiceMap, newBaseServiceInfo. */
export function serviceFacts(service: Service): ServiceFacts | undefined {
  const { metadata, spec } = service;
  const first = spec?.clusterIP ?? '';
  if (spec === undefined || first === '' || first === 'None' || spec.type === 'ExternalName') return undefined;
  if (metadata.labels?.[PROXY_NAME] !== undefined) return undefined;
  const { namespace = '', name = '' } = metadata;
  const key = `${namespace}/${name}`;
  const isReached = spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.externalIPs?.length ?? 0) > 0;
  const isExternalLocal = isReached && spec.externalTrafficPolicy === 'Local';
  const isInternalLocal = spec.internalTrafficPolicy === 'Local';
  const affinitySeconds =
    spec.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_STICKY_SECONDS)
      : 0;
  const externalIPs = (spec.externalIPs ?? []).map(addressOf);
  const ranges = (spec.loadBalancerSourceRanges ?? []).map(rangeOf);
  const balancers = (service.status?.loadBalancer?.ingress ?? [])
    .filter(({ ip, ipMode }) => ip !== undefined && ip !== '' && (ipMode ?? 'VIP') === 'VIP')
    .map(({ ip }) => addressOf(ip!));
  const isChecked = spec.type === 'LoadBalancer' && isExternalLocal;
  const healthCheckNodePort = isChecked ? (spec.healthCheckNodePort ?? 0) : 0;
  const ports: ServicePort[] = [];
  for (const family of FAMILIES) {
    const clusterIP = clusterIpOf(spec, family);
    if (clusterIP === undefined) continue;
    const of = (all: readonly ({ readonly family: Family; readonly text: string } | undefined)[]): string[] => [
      ...new Set(all.flatMap((one) => (one?.family === family ? one.text : []))),
    ];
    const own = ranges.filter((range) => range?.family === family) as Range[];
    const known = {
      service: key, namespace, name, family, clusterIP,
      externalIPs: of(externalIPs),
      balancerIPs: of(balancers),
      // One that holds all is none.
      sourceRanges: own.some(({ bits }) => bits === 0) ? [] : own,
      affinitySeconds, isExternalLocal, isInternalLocal, healthCheckNodePort,
    }; // prettier-ignore
    for (const { name: portName = '', protocol, port, nodePort } of spec.ports ?? [])
      ports.push({ ...known, portName, protocol: protocol ?? 'TCP', port, nodePort: nodePort ?? 0 });
  }
  return { key, uid: metadata.uid ?? '', ports };
}
/** Source: pkg/proxy/util GetClusterIPByFamily. */
function clusterIpOf(spec: NonNullable<Service['spec']>, family: Family): string | undefined {
  const at = spec.ipFamilies?.length ? spec.ipFamilies.indexOf(familyName(family)) : undefined;
  const text = at === undefined ? spec.clusterIP : (spec.clusterIPs?.[at] ?? (at === 0 ? spec.clusterIP : undefined));
  const address = text === undefined ? undefined : addressOf(text);
  return address?.family === family ? address.text : undefined;
}
/** undefined: no rules are made of it. `nodeName`: of this node. Source: pkg/proxy EndpointSliceCache. */
export function sliceFacts(slice: EndpointSlice, nodeName: string): SliceFacts | undefined {
  const { namespace = '', name = '', labels } = slice.metadata;
  const service = labels?.[SERVICE_NAME];
  if (service === undefined || service === '' || slice.addressType === 'FQDN') return undefined;
  const family = slice.addressType === 'IPv4' ? 4 : 6;
  const ports = ((slice.ports ?? []) as NonNullable<Listed<NonNullable<typeof slice.ports>[number]>>).flatMap(
    ({ name: portName, protocol, port }) =>
      // Without a number it is all ports, which is for others than us.
      port ? { name: portName ?? '', protocol: protocol ?? 'TCP', port } : [],
  );
  const endpoints: SliceEndpoint[] = [];
  for (const { addresses, conditions, nodeName: on, hints } of slice.endpoints ?? []) {
    const address = addressOf(addresses[0] ?? '');
    if (address?.family !== family) continue;
    const { forNodes, forZones } = hints ?? {};
    endpoints.push({
      ip: address.text,
      isLocal: on !== undefined && on === nodeName,
      isReady: conditions?.ready ?? true,
      isServing: conditions?.serving ?? true,
      isTerminating: conditions?.terminating ?? false,
      isForNode: forNodes?.length ? forNodes.some((node) => node.name === nodeName) : undefined,
      forZones: forZones?.length ? forZones.map((zone) => zone.name) : undefined,
    });
  }
  return { service: `${namespace}/${service}`, name, family, ports, endpoints };
}
