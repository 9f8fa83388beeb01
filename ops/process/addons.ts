import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from '../cluster/config.ts';
import type { DnsConfig } from '../cluster/dns.ts';
import type { IngressPorts } from '../cluster/ingress-ports.ts';

/** What an add-on is started with; everything else it needs is asked of the API. */
export interface AddonContext {
  readonly world: World;
  /** With the rights of its role, see bus/permissions.ts. */
  readonly bus: Bus;
  /** Its name among the replicas, for Leases, presence and inspection. */
  readonly id: string;
  readonly config: ClusterConfig;
  /** Of the name server, what is not as the configuration says. */
  readonly dns?: Partial<DnsConfig> | undefined;
  /** Of the ingress controller, the same. */
  readonly ingress?: IngressPorts | undefined;
  /** The cluster's folder, or that of its role where it runs apart. */
  readonly dir: string;
}
interface Addon {
  /** As `kubus run` knows it: also the name of its credential and its caller. */
  readonly component: string;
  /** For people who choose. */
  readonly what: string;
  /** Imported when it is started: who does not want it does not load it. */
  readonly start: (context: AddonContext) => Promise<Component>;
}
/** What `kubus up --addons` may name. */
export const ADDONS = {
  cloud: {
    component: 'cloud-controller-manager',
    what: 'addresses of load balancers, routes and zones',
    start: async (context) => (await import('./cloud-controller-manager.ts')).startCloud(context),
  },
  dns: {
    component: 'dns',
    what: 'names of services and pods',
    start: async (context) => (await import('./dns.ts')).startDnsProcess(context),
  },
  ingress: {
    component: 'ingress',
    what: 'HTTP and TLS from outside, by Ingresses',
    start: async (context) => (await import('./ingress.ts')).startIngressProcess(context),
  },
  'local-volumes': {
    component: 'local-volumes',
    what: 'volumes for claims, as folders of real nodes',
    start: async ({ world, bus, id }) =>
      (await import('../../actors/local-volumes/actor.ts')).startLocalVolumes({ world, bus, id }),
  },
  metrics: {
    component: 'metrics',
    what: 'metrics.k8s.io: kubectl top, and what autoscalers go by',
    start: async ({ world, bus, id }) =>
      (await import('../../actors/metrics/actor.ts')).startMetrics({ world, bus, id }),
  },
} as const satisfies Readonly<Record<string, Addon>>;
export type AddonName = keyof typeof ADDONS;
export type AddonComponent = (typeof ADDONS)[AddonName]['component'];

export const ADDON_NAMES = Object.keys(ADDONS) as AddonName[];
export const ADDON_COMPONENTS = ADDON_NAMES.map((name) => ADDONS[name].component);
export const addonOf = (component: string): Addon | undefined =>
  ADDON_NAMES.map((name) => ADDONS[name]).find((addon) => addon.component === component);

/** What was asked for; a subset of the components has no add-on that is not named. */
export function addonsOf({
  addons,
  only,
  runtime,
}: Pick<ClusterConfig, 'addons' | 'only'> & Partial<Pick<ClusterConfig, 'runtime'>>): AddonName[] {
  // Simulated nodes have no folders, and nobody on them who asks for names.
  const usual: readonly AddonName[] = runtime === 'cri' ? ['dns', 'local-volumes', 'metrics'] : ['metrics'];
  const wanted = addons ?? (only === undefined ? usual : []);
  return ADDON_NAMES.filter((name) => wanted.includes(name) || only?.includes(ADDONS[name].component));
}
/**
 * The value of `--addons`: `none` alone is the empty list. Thrown: UserError that names those there are.
 */
export function readAddons(names: readonly string[]): AddonName[] {
  if (names.length === 1 && names[0] === 'none') return [];
  const known: readonly string[] = ADDON_NAMES;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === 'none') throw new UserError('--addons none stands alone', 2);
  if (unknown !== undefined)
    throw new UserError(`--addons knows no add-on "${unknown}": choose from ${ADDON_NAMES.join(', ')}, or none`, 2);
  return ADDON_NAMES.filter((name) => names.includes(name));
}
