/** Every controller of the controller manager; each asks the API under its own name, `controller:<name>`. */
export const CONTROLLERS = [
  'deployment', 'replicaset', 'endpoint', 'endpointslice', 'namespace', 'serviceaccount', 'root-ca-cert-publisher',
  'clusterrole-aggregation', 'resourcequota', 'garbage-collector', 'pod-gc', 'node-lifecycle', 'node-ipam',
] as const; // prettier-ignore
