import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { parseName, type Name } from '../wire/name.ts';
import { addressOf, labelOf, type Address } from './address.ts';

/** What names say of a service. */
export type ServiceFacts =
  | { readonly kind: 'clusterIp'; readonly addresses: readonly Address[]; readonly ports: readonly Port[] }
  | { readonly kind: 'headless' }
  /** `target` undefined: it is an address, or no name at all, and nothing is answered. */
  | { readonly kind: 'external'; readonly target: Name | undefined };

export interface Port {
  /** Small letters, as the protocol; empty: it has none. */
  readonly name: string;
  readonly protocol: string;
  /** -1: there are none, and this one stands for that. */
  readonly port: number;
}
export interface SliceFacts {
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly Port[];
}
export interface Endpoint {
  /** Its name below the service's. */
  readonly label: string;
  readonly address: Address;
}
const NO_PORTS: readonly Port[] = [{ name: '', protocol: '', port: -1 }];
type AnyPort = {
  readonly name?: string | undefined;
  readonly protocol?: string | undefined;
  readonly port?: number | undefined;
};
/** The API says `null` of a slice's empty lists. */
type Listed<T> = readonly T[] | null | undefined;
const portsOf = (ports: Listed<AnyPort>): readonly Port[] =>
  !ports?.length
    ? NO_PORTS
    : ports.map(({ name = '', protocol = '', port = -1 }) => {
        return { name: name.toLowerCase(), protocol: protocol.toLowerCase(), port };
      });

/** Source: coredns plugin/kubernetes object/service.go. */
export function serviceFacts({ spec }: Service): ServiceFacts {
  const ips = spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? ''];
  if (spec?.type === 'ExternalName') {
    const text = spec.externalName ?? '';
    return { kind: 'external', target: addressOf(text) === undefined && text !== '' ? parseName(text) : undefined };
  }
  if (ips[0] === 'None') return { kind: 'headless' };
  const addresses = ips.map(addressOf).filter((address) => address !== undefined);
  return { kind: 'clusterIp', addresses, ports: portsOf(spec?.ports) };
}
/**
 * Endpoints that are ready, or of whom nobody knows; those of a service that publishes all are said to be ready.
 * Source: coredns plugin/kubernetes object/endpoint.go EndpointSliceToEndpoints.
 */
export function sliceFacts({ addressType, endpoints, ports }: EndpointSlice): SliceFacts {
  const all: Listed<NonNullable<typeof endpoints>[number]> = endpoints;
  const known = addressType === 'FQDN' ? [] : (all ?? []).filter(({ conditions }) => conditions?.ready !== false);
  return {
    ports: portsOf(ports),
    endpoints: known.flatMap(({ addresses, hostname }) =>
      (addresses ?? []).flatMap((text) => {
        const address = addressOf(text);
        return address === undefined ? [] : [{ address, label: hostname?.toLowerCase() || labelOf(address) }];
      }),
    ),
  };
}
