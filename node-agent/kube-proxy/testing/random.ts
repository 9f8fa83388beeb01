import type { ServicePort as ApiServicePort, ServiceSpec } from '../../../schemas/generated/core-v1.ts';
import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { serviceOf, sliceOf, type EndpointSpec } from './objects.ts';

export interface Situation {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
}
/** Where endpoints may be: pods of the node `n1`, and of others. */
export interface Places {
  readonly here: readonly string[];
  readonly elsewhere: readonly string[];
}
const PLACES: Readonly<Record<4 | 6, Places>> = {
  4: { here: ['10.244.0.2', '10.244.0.3'], elsewhere: ['10.244.1.2', '10.244.1.3', '10.244.2.4'] },
  6: { here: ['fd44::2', 'fd44::3'], elsewhere: ['fd44:0:0:1::2', 'fd44:0:0:2::4'] },
};
const PROTOCOLS = ['TCP', 'TCP', 'TCP', 'UDP', 'SCTP'] as const;
const STATES = ['ready', 'ready', 'ready', 'ready', 'ending', 'gone', 'unready'] as const;

/** `count` Services with all that they may say of traffic, and their endpoints; the same for the same `seed`. */
export function randomSituation(seed: number, count: number, o: { readonly protocols?: readonly ('TCP' | 'UDP' | 'SCTP')[]; readonly families?: readonly (4 | 6)[] } = {}): Situation {
  const random = mulberry(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const one = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const chance = (p: number): boolean => random() < p;
  const protocols = o.protocols ?? PROTOCOLS;
  const services: Service[] = [];
  const slices: EndpointSlice[] = [];
  for (let i = 0; i < count; i++) {
    const name = `s${i}`;
    const type = one(['ClusterIP', 'ClusterIP', 'NodePort', 'LoadBalancer', 'LoadBalancer'] as const);
    const families = o.families ?? (chance(0.2) ? ([4, 6] as const) : chance(0.1) ? ([6] as const) : ([4] as const));
    const isReached = type !== 'ClusterIP';
    const ports: ApiServicePort[] = Array.from({ length: chance(0.2) ? 2 : 1 }, (_, p) => ({
      name: p === 0 && chance(0.3) ? '' : `p${p}`,
      protocol: one(protocols),
      port: 80 + p,
      targetPort: 8080,
      ...(isReached && { nodePort: 30_000 + i * 2 + p }),
    }));
    const externalIPs = chance(0.2) ? families.map((family) => (family === 4 ? `192.0.2.${i + 1}` : `fd92::${i + 1}`)) : undefined;
    const spec: Partial<ServiceSpec> = {
      type,
      clusterIPs: families.map((family) => (family === 4 ? `10.96.1.${i + 1}` : `fd96::${(i + 1).toString(16)}`)),
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports,
      ...(externalIPs && { externalIPs }),
      ...((isReached || externalIPs) && { externalTrafficPolicy: one(['Cluster', 'Local'] as const) }),
      internalTrafficPolicy: chance(0.2) ? 'Local' : 'Cluster',
      ...(chance(0.25) && { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: one([10, 10_800]) } } }),
      ...(type === 'LoadBalancer' && chance(0.4) && { loadBalancerSourceRanges: one([['192.168.0.0/24'], ['203.0.113.0/24', '10.0.0.0/8'], ['0.0.0.0/0'], [' 198.51.100.0/24 ', 'fd00::/8']]) }),
    };
    const status: Service['status'] =
      type === 'LoadBalancer' && chance(0.9)
        ? { loadBalancer: { ingress: families.map((family) => ({ ip: family === 4 ? `198.18.0.${i + 1}` : `fd18::${i + 1}`, ...(chance(0.3) && { ipMode: one(['VIP', 'Proxy'] as const) }) })) } }
        : {};
    if (spec.externalTrafficPolicy === 'Local' && type === 'LoadBalancer') spec.healthCheckNodePort = 31_000 + i;
    services.push(serviceOf(name, spec, status));
    for (const family of families) {
      const { here, elsewhere } = PLACES[family];
      const hints = one(['none', 'none', 'none', 'zones', 'nodes', 'some'] as const);
      const endpoints: EndpointSpec[] = [...here, ...elsewhere].filter(() => chance(0.5)).map((ip) => {
        const isHere = here.includes(ip);
        const zones = hints === 'zones' || (hints === 'some' && chance(0.5)) ? [one(['z1', 'z2'])] : undefined;
        const nodes = hints === 'nodes' ? [isHere ? 'n1' : 'n2'] : undefined;
        return { ip, node: isHere ? 'n1' : 'n2', is: chance(0.15) ? 'ending' : one(STATES), ...(zones && { zones }), ...(nodes && { nodes }) };
      });
      // A Service that publishes all has ready ones that do not serve; some slices are empty, some Services have none.
      const split = chance(0.3) ? below(endpoints.length + 1) : endpoints.length;
      const own = ports.map(({ name: portName, protocol }, p) => ({ name: portName, protocol, port: 8080 + p }));
      if (chance(0.95)) slices.push({ ...sliceOf(name, `${family}a`, endpoints.slice(0, split), own), addressType: family === 4 ? 'IPv4' : 'IPv6' });
      if (split < endpoints.length) slices.push({ ...sliceOf(name, `${family}b`, endpoints.slice(split), own), addressType: family === 4 ? 'IPv4' : 'IPv6' });
    }
  }
  return { services, slices };
} // prettier-ignore

/** Uniform in [0, 1). */
export function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
