import { discoveredResources } from '../../../schemas/metrics/discovery.ts';

/** A group's version that a component of this cluster serves, over the bus, while its APIService names no service. */
interface Served {
  readonly component: string;
  /** As an APIVersionDiscovery has them. */
  readonly resources: readonly object[];
}
const METRICS: Served = { component: 'metrics', resources: discoveredResources() };

/** By the name of the APIService. */
export const BY_COMPONENT: ReadonlyMap<string, Served> = new Map([['v1beta1.metrics.k8s.io', METRICS]]);
