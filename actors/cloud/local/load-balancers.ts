import type { Fence } from '../../../bus/protocol/api.ts';
import { delay, type World } from '../../../bus/world.ts';
import type { LoadBalancerStatus, Node, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { parseIp } from '../../../schemas/meta/ip.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { SERVICE_NAME } from '../../runtime/endpoint-slices.ts';
import type { Informer, Informers } from '../../runtime/informer.ts';
import type { Inspection } from '../../runtime/inspection.ts';
import type { PodDialer } from '../../runtime/pod-dialer.ts';
import { endpointSlices, services as servicesResource } from '../../runtime/resources.ts';
import type { LoadBalancers } from '../provider.ts';
import { wantsLoadBalancer } from '../service/reconcile.ts';
import type { Balancer } from './balancer.ts';
import { createPool, isLoopback, type AddressPool } from './pool.ts';

export interface LocalBalancersOptions {
  readonly world: World;
  readonly client: ApiClient;
  readonly informers: Informers;
  /** Ranges of addresses of this machine. */
  readonly ranges: readonly string[];
  /** Pods reach this machine, at all of these addresses that are not loopback's: nodes may send what they say there to the endpoints themselves. */
  readonly areRouted?: boolean | undefined;
  /** Has this machine have an address that is about to be listened on; default: it has all of the ranges. Rejects where it may not. */
  readonly claim?: ((ip: string) => Promise<void>) | undefined;
  readonly dial: PodDialer;
  readonly inspection?: Inspection | undefined;
  readonly fence?: (() => Fence | undefined) | undefined;
}
export interface LocalBalancers extends LoadBalancers {
  readonly connections: number;
  stop(): void;
}
const RETRY_MS = 500;
const BY_SERVICE = 'service';

/**
 * Load balancers that work on this machine: addresses of a range of its own, on which the leading replica listens and passes
 * connections on to the Service's endpoints. Who has which address is kept by the Services' own status alone.
 */
export function localBalancers(o: LocalBalancersOptions): LocalBalancers {
  const { world, client, informers } = o;
  const log = world.log.child({ actor: 'cloud/local' });
  const services = informers.for<Service>(servicesResource);
  const pool = createPool(o.ranges, o.areRouted);
  const balancers = new Map<string, Balancer>();
  let slices: Informer<EndpointSlice> | undefined;
  let isLeading = false;

  const uidOf = ({ metadata }: Service): string => metadata.uid!;
  const ipsIn = ({ status }: Service): string[] => status?.loadBalancer?.ingress?.flatMap(({ ip }) => ip ?? []) ?? [];
  function see(service: Service): void {
    const ips = ipsIn(service);
    if (!wantsLoadBalancer(service)) {
      if (ips.length === 0) pool.free(uidOf(service));
      return;
    }
    for (const ip of ips)
      if (!pool.hold(uidOf(service), ip))
        log.debug('a Service has an address that is not its own', { service: keyOf(service), ip });
  }
  // Also while another leads.
  const deaf = services.on({ add: see, update: see, delete: (service) => pool.free(uidOf(service)) });

  /** What a predecessor gave last may not be in this replica's cache yet; the older of two has the address. */
  async function readAll(): Promise<void> {
    for (const { signal } = informers; ; await delay(world.clock, RETRY_MS, signal)) {
      try {
        const { items } = await client.list<Service>(servicesResource, { signal });
        const age = ({ metadata }: Service): string => metadata.creationTimestamp ?? '';
        for (const service of items.toSorted((a, b) => (age(a) < age(b) ? -1 : 1))) see(service);
        return;
      } catch (err) {
        log.warn('cannot list services', { err });
      }
    }
  }
  /** Nobody's endpoints are kept before there is a load balancer. */
  async function endpoints(): Promise<Informer<EndpointSlice>> {
    if (slices === undefined) {
      slices = informers.for<EndpointSlice>(endpointSlices);
      slices.addIndex(BY_SERVICE, ({ metadata }) => [`${metadata.namespace}/${metadata.labels?.[SERVICE_NAME]}`]);
      const changed = ({ metadata }: EndpointSlice): void => {
        const service = services.get(`${metadata.namespace}/${metadata.labels?.[SERVICE_NAME]}`);
        if (service) balancers.get(uidOf(service))?.endpointsChanged();
      };
      slices.on({ add: changed, update: changed, delete: changed });
    }
    await slices.synced;
    return slices;
  }
  async function balancerOf(service: Service): Promise<Balancer> {
    const [cache, { createBalancer }] = await Promise.all([endpoints(), import('./balancer.ts')]);
    const uid = uidOf(service);
    const key = keyOf(service);
    let balancer = balancers.get(uid);
    if (!balancer) {
      balancer = createBalancer({
        world,
        dial: o.dial,
        slices: () => cache.byIndex(BY_SERVICE, key),
        inspection: o.inspection,
      });
      balancers.set(uid, balancer);
    }
    return balancer;
  }
  const statusOf = (ips: readonly string[]): LoadBalancerStatus => ({
    // A node whose packets would not get here sends them on by itself. Else connections end here and begin anew.
    ingress: ips.map((ip) => ({ ip, ipMode: o.areRouted === true && !isLoopback(ip) ? 'VIP' : 'Proxy' })),
  });
  return {
    get connections() {
      return [...balancers.values()].reduce((sum, balancer) => sum + balancer.connections, 0);
    },
    get(service) {
      const ips = pool.of(uidOf(service));
      return Promise.resolve(ips.length > 0 || balancers.has(uidOf(service)) ? statusOf(ips) : undefined);
    },
    async ensure(service, nodes, signal) {
      for (const { port, protocol = 'TCP' } of service.spec?.ports ?? [])
        if (protocol !== 'TCP' && protocol !== 'UDP')
          throw new Error(`port ${port} is ${protocol}: the load balancers of this cloud carry TCP and UDP`);
      const ips = takeAll(pool, service);
      const balancer = await balancerOf(service);
      signal.throwIfAborted();
      if (!isLeading) throw new Error('another replica leads');
      for (const ip of ips) await o.claim?.(ip);
      await balancer.set(service, nodes, ips);
      return statusOf(ips);
    },
    update(service: Service, nodes: readonly Node[]) {
      balancers.get(uidOf(service))?.setNodes(nodes);
      return Promise.resolve();
    },
    remove(service) {
      balancers.get(uidOf(service))?.remove();
      balancers.delete(uidOf(service));
      // The address is free once its status says so: until then a restart would take it for the Service's own.
      return Promise.resolve();
    },
    async lead(leads) {
      isLeading = leads;
      if (leads) return readAll();
      for (const balancer of balancers.values()) balancer.retire();
      balancers.clear();
    },
    stop() {
      deaf();
      for (const balancer of balancers.values()) balancer.remove();
      balancers.clear();
    },
  };
}
/** An address of each family that the Service wants and the ranges have. Thrown: Error where there is none. */
function takeAll(pool: AddressPool, service: Service): readonly string[] {
  const { ipFamilies = ['IPv4'], loadBalancerIP } = service.spec ?? {};
  const wanted = ipFamilies.map((family) => (family === 'IPv6' ? 6 : 4));
  const families = wanted.filter((family) => pool.hasFamily(family));
  if (families.length === 0)
    throw new Error(`the Service wants an address of ${ipFamilies.join(' and ')}, and ${pool.ranges.join(', ')} has none: start the cluster with a --load-balancer-range that does`); // prettier-ignore
  return families.map((family) => {
    const asked = loadBalancerIP && parseIp(loadBalancerIP)?.family === family ? loadBalancerIP : undefined;
    const taken = pool.take(service.metadata.uid!, family, asked);
    if ('refusal' in taken) throw new Error(taken.refusal);
    return taken.ip;
  });
}
