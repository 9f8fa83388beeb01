/** What `metrics.k8s.io/v1beta1` has, for discovery and its documents. Source: metrics-server pkg/api/install.go. */
export const GROUP = 'metrics.k8s.io';
export const VERSION = 'v1beta1';
export const API_VERSION = `${GROUP}/${VERSION}`;

interface MetricsResource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}
export const METRICS_RESOURCES: readonly MetricsResource[] = [
  { name: 'nodes', kind: 'NodeMetrics', namespaced: false },
  { name: 'pods', kind: 'PodMetrics', namespaced: true },
];
const VERBS = ['get', 'list'];

/** As `/apis/<group>/<version>` has them. */
export const resourceList = (): object => ({
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: API_VERSION,
  resources: METRICS_RESOURCES.map(({ name, kind, namespaced }) => ({
    name,
    singularName: '',
    namespaced,
    kind,
    verbs: VERBS,
  })),
});
/** As an APIVersionDiscovery has them. */
export const discoveredResources = (): object[] =>
  METRICS_RESOURCES.map(({ name, kind, namespaced }) => ({
    resource: name,
    responseKind: { group: GROUP, version: VERSION, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: '',
    verbs: VERBS,
  }));
