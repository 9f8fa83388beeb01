import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { Ingress, IngressClass, IngressSpec, IngressTLS } from '../../../schemas/generated/networking-v1.ts';
import { CONTROLLER, DEFAULT_CLASS } from '../routing/classes.ts';

type PathType = 'Exact' | 'ImplementationSpecific' | 'Prefix';
/** `Exact /path -> service:port`; the type may be left out (Prefix). */
export const path = (text: string) => {
  const [, type = 'Prefix', at = '', service = '', port = ''] = /^(?:(\w+) )?(\S*) -> ([\w-]+):([\w-]+)$/.exec(text)!;
  const numbered = /^\d+$/.test(port) ? { number: Number(port) } : { name: port };
  return { path: at, pathType: type as PathType, backend: { service: { name: service, port: numbered } } };
};
export const to = (service: string, port = 80) => ({ service: { name: service, port: { number: port } } });
/** Rules by host, '' for any; `more` of the spec, and how old it is: the greater the younger. */
export const ingress = (
  name: string,
  rules: Readonly<Record<string, readonly string[]>>,
  more: Partial<IngressSpec> & { age?: number; annotations?: Record<string, string>; tls?: IngressTLS[] } = {},
): Ingress => {
  const { age = 0, annotations, ...spec } = more;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      generation: 1,
      creationTimestamp: `2026-01-01T00:00:${String(age).padStart(2, '0')}Z`,
      ...(annotations && { annotations }),
    },
    spec: {
      ...(!annotations && { ingressClassName: 'kubus' }),
      rules: Object.entries(rules).map(([host, paths]) => ({
        ...(host && { host }),
        http: { paths: paths.map(path) },
      })),
      ...spec,
    },
  };
};
export const ingressClass = (name = 'kubus', controller = CONTROLLER, isDefault = false): IngressClass => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name, ...(isDefault && { annotations: { [DEFAULT_CLASS]: 'true' } }) },
  spec: { controller },
});
export const service = (name: string, spec: Service['spec'] = { ports: [{ port: 80 }] }): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace: 'default', uid: `s-${name}` },
  spec,
});
interface Told {
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}
/** Addresses of pods of the same name as their address, and what is said of them. */
export const slice = (
  of: string,
  endpoints: Readonly<Record<string, Told>>,
  port: { readonly name?: string; readonly port: number } = { port: 8080 },
  addressType: 'IPv4' | 'IPv6' | 'FQDN' = 'IPv4',
): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `${of}-${addressType}-${port.name ?? ''}`,
    namespace: 'default',
    labels: { 'kubernetes.io/service-name': of },
  },
  addressType,
  ports: [port],
  endpoints: Object.entries(endpoints).map(([address, conditions]) => ({
    addresses: [address],
    conditions,
    nodeName: 'n1',
    targetRef: { kind: 'Pod', name: address, namespace: 'default' },
  })),
});
