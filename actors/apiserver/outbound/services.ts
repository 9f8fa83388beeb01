import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import { endpointSlices, services } from '../../runtime/resources.ts';
import type { CacheReader } from '../request.ts';

export interface ServiceGround {
  readonly registry: Registry;
  readonly cache: CacheReader;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}
/**
 * Where a service is reached. The real server dials the cluster's address and leaves the rest to kube-proxy; addresses of
 * a cluster lead nowhere here, so one of its ready endpoints is taken as kube-proxy would, and where there is none the
 * cluster's address is said to refuse. Throws: Error in the real server's words.
 * Source: apiserver pkg/util/proxy/proxy.go ResolveCluster, ResolveEndpoint.
 */
export function resolveService(ground: ServiceGround, namespace: string, name: string, port: number): { host: string; port: number } {
  const address = clusterAddress(ground, namespace, name, port);
  const { type, ports = [], ipFamilies = [] } = specOf(ground, namespace, name) ?? {};
  if (type === 'ExternalName') return address;
  const portName = ports.find((p) => p.port === port)?.name ?? '';
  const found = endpointsOf(ground, namespace, name, portName, ipFamilies[0]);
  if (found.length > 0) return found[Math.floor(ground.random() * found.length)]!;
  const { host } = address;
  throw new Error(`dial tcp ${host.includes(':') ? `[${host}]` : host}:${port}: connect: connection refused`);
} // prettier-ignore

/** The address that a service has for all who use it. Throws: Error in the real server's words. */
export function clusterAddress(ground: ServiceGround, namespace: string, name: string, port: number): { host: string; port: number } {
  const spec = specOf(ground, namespace, name);
  if (spec === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { type = 'ClusterIP', clusterIP = '', externalName = '', ports = [] } = spec;
  if (type === 'ExternalName') return { host: externalName, port };
  if (type === 'ClusterIP' && clusterIP === 'None') throw new Error('cannot route to service with ClusterIP "None"');
  if (!ports.some((p) => p.port === port)) throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return { host: clusterIP, port };
} // prettier-ignore
const specOf = (ground: ServiceGround, namespace: string, name: string): Service['spec'] | undefined => {
  const found = ground.cache.get<Service & { metadata: { name: string } }>(ground.registry.lookup(services)!, namespace, name);
  return found && (found.spec ?? {});
}; // prettier-ignore

/** Ready ones behind a port, those of the service's first family if there are any. */
function endpointsOf(ground: ServiceGround, namespace: string, name: string, portName: string, family: string | undefined): { host: string; port: number }[] {
  const first: { host: string; port: number }[] = [];
  const others: { host: string; port: number }[] = [];
  const resource = ground.registry.lookup(endpointSlices)!;
  for (const slice of ground.cache.list<EndpointSlice>(resource, namespace)) {
    if (slice.metadata?.labels?.['kubernetes.io/service-name'] !== name) continue;
    const port = slice.ports?.find((p) => (p.name ?? '') === portName)?.port;
    if (port === undefined) continue;
    const into = family === undefined || slice.addressType === family ? first : others;
    for (const { addresses, conditions } of slice.endpoints ?? [])
      if (conditions?.ready !== false && addresses?.[0] !== undefined) into.push({ host: addresses[0], port });
  }
  return first.length > 0 ? first : others;
} // prettier-ignore
