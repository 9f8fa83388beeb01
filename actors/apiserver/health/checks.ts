/** Names of the checks, in the order in which the real server reports them. Source: apiserver pkg/server/healthz. */
const HOOKS_BEFORE = [
  'start-apiserver-admission-initializer', 'generic-apiserver-start-informers', 'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter', 'storage-object-count-tracker-hook', 'start-apiextensions-informers',
  'start-apiextensions-controllers', 'crd-informer-synced', 'start-system-namespaces-controller',
  'peer-endpoint-reconciler-controller', 'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller', 'start-kube-apiserver-identity-lease-garbage-collector',
  'storage-readiness', 'start-legacy-token-tracking-controller', 'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles', 'scheduling/bootstrap-system-priority-classes', 'priority-and-fairness-config-producer',
  'bootstrap-controller', 'start-kubernetes-service-cidr-controller', 'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers', 'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller', 'apiservice-registration-controller',
  'apiservice-discovery-controller', 'kube-apiserver-autoregistration',
]; // prettier-ignore
const HOOKS_AFTER = ['apiservice-openapi-controller', 'apiservice-openapiv3-controller'];
const hook = (name: string): string => `poststarthook/${name}`;
const TAIL = [...HOOKS_BEFORE.map(hook), 'autoregister-completion', ...HOOKS_AFTER.map(hook)];

export type HealthPath = 'healthz' | 'livez' | 'readyz';
export const CHECKS: Readonly<Record<HealthPath, readonly string[]>> = {
  healthz: ['ping', 'log', 'loopback-serving-certificate', 'etcd', ...TAIL],
  livez: ['ping', 'log', 'loopback-serving-certificate', 'etcd', ...TAIL],
  readyz: ['ping', 'log', 'etcd', 'etcd-readiness', 'informer-sync', ...TAIL, 'shutdown'],
};
/** All paths below which a check can be asked for by itself. */
export const healthPaths = (): string[] =>
  Object.entries(CHECKS).flatMap(([path, names]) => [`/${path}`, ...names.map((name) => `/${path}/${name}`)]);
