import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { PodAddress } from '../../runtime/pod-dialer.ts';
import type { BackendRef } from './plan.ts';

/** Who answers for a backend now; a value that never changes. */
export type Upstream =
  | { readonly kind: 'endpoints'; readonly addresses: readonly PodAddress[] }
  /** A name outside of the cluster. */
  | { readonly kind: 'external'; readonly host: string; readonly port: number }
  | { readonly kind: 'none'; readonly why: string };
export const NOBODY: Upstream = { kind: 'none', why: 'no such service' };

/**
 * The endpoints that are ready; while none is, those that still serve though they are ending. Source: KEP-1669, kube-proxy
 * CategorizeEndpoints.
 */
export function upstreamOf(ref: BackendRef, service: Service | undefined, slices: Iterable<EndpointSlice>): Upstream {
  if (service === undefined) return NOBODY;
  const { spec } = service;
  const declared = spec?.ports?.find((p) => (typeof ref.port === 'number' ? p.port === ref.port : p.name === ref.port));
  if (spec?.type === 'ExternalName') {
    const port = declared?.port ?? (typeof ref.port === 'number' ? ref.port : undefined);
    if (!spec.externalName || port === undefined) return { kind: 'none', why: 'no such port of the service' };
    return { kind: 'external', host: spec.externalName, port };
  }
  if (declared === undefined) return { kind: 'none', why: 'no such port of the service' };
  const ready = new Map<string, PodAddress>();
  const ending = new Map<string, PodAddress>();
  for (const slice of slices) {
    if (slice.addressType === 'FQDN') continue;
    const port = slice.ports?.find((p) => (p.name ?? '') === (declared.name ?? ''))?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions, nodeName, targetRef } of slice.endpoints ?? []) {
      const isReady = conditions?.ready !== false;
      const isServing = conditions?.serving ?? isReady;
      const into = isReady ? ready : isServing && conditions?.terminating === true ? ending : undefined;
      const ip = addresses[0];
      if (into === undefined || ip === undefined) continue;
      const pod = targetRef?.kind === 'Pod' ? { namespace: targetRef.namespace, pod: targetRef.name } : {};
      into.set(`${ip}:${port}`, { ip, port, node: nodeName, ...pod });
    }
  }
  const found = ready.size > 0 ? ready : ending;
  if (found.size === 0) return { kind: 'none', why: 'no endpoints of the service are ready' };
  return { kind: 'endpoints', addresses: [...found.keys()].sort().map((key) => found.get(key)!) };
}
