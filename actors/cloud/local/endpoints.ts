import type { Service, ServicePort } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { PodAddress } from '../../runtime/pod-dialer.ts';

/** One that answers for a Service's port. */
export interface Backend extends PodAddress {
  /** The same for the same endpoint, however it was told of. */
  readonly id: string;
}
const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;
const isLeaving = ({ conditions }: Endpoint): boolean =>
  (conditions?.serving ?? conditions?.ready) !== false && conditions?.terminating === true;

/**
 * Where connections to a port may go: to what is ready, and where nothing is, to what still serves while it ends. With
 * `externalTrafficPolicy: Local` only to `nodes`, which are those behind the load balancer; else to all, as long as any
 * node is behind it. Source: pkg/proxy/topology.go CategorizeEndpoints.
 */
export function backendsOf(
  service: Service,
  port: ServicePort,
  slices: Iterable<EndpointSlice>,
  nodes: ReadonlySet<string>,
): readonly Backend[] {
  if (nodes.size === 0) return [];
  const isLocal = service.spec?.externalTrafficPolicy === 'Local';
  const ready = new Map<string, Backend>();
  const leaving = new Map<string, Backend>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    for (const { name, port: number, protocol } of slice.ports ?? []) {
      if (number === undefined || (name ?? '') !== (port.name ?? '')) continue;
      if ((protocol ?? 'TCP') !== (port.protocol ?? 'TCP')) continue;
      for (const endpoint of slice.endpoints ?? []) {
        if (isLocal && (endpoint.nodeName === undefined || !nodes.has(endpoint.nodeName))) continue;
        const [ip] = endpoint.addresses;
        const into = isReady(endpoint) ? ready : isLeaving(endpoint) ? leaving : undefined;
        if (ip === undefined || into === undefined) continue;
        const { kind, name: pod, namespace } = endpoint.targetRef ?? {};
        const id = `${ip} ${number}`;
        into.set(id, { id, ip, port: number, node: endpoint.nodeName, ...(kind === 'Pod' && { pod, namespace }) });
      }
    }
  }
  const chosen = ready.size > 0 ? ready : leaving;
  return [...chosen.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
