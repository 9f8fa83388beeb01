/** Every controller of the controller manager; each asks the API under its own name, `controller:<name>`. */
export const CONTROLLERS = [
  'deployment', 'replicaset', 'replicationcontroller', 'daemonset', 'statefulset', 'job', 'cronjob', 'disruption', 'ttl-after-finished', 'horizontal-pod-autoscaler',
  'endpoint', 'endpointslice', 'endpointslicemirroring', 'service-cidrs', 'namespace', 'serviceaccount', 'root-ca-cert-publisher', 'clusterrole-aggregation', 'resourcequota',
  'garbage-collector', 'pod-gc', 'node-lifecycle', 'taint-eviction', 'device-taint-eviction', 'resourceclaim', 'node-ipam', 'node-ttl', 'pvc-protection', 'pv-protection', 'persistentvolume-binder',
  'persistentvolume-expander', 'persistentvolume-attach-detach', 'ephemeral-volume', 'volumeattributesclass-protection', 'csr-signing', 'csr-approving',
  'csr-cleaner', 'token-cleaner', 'bootstrap-signer', 'serviceaccount-token',
  'legacy-serviceaccount-token-cleaner',
  'validatingadmissionpolicy-status',
] as const; // prettier-ignore

/** Those of the cloud controller manager, by upstream's names. */
export const CLOUD_CONTROLLERS = ['cloud-node', 'cloud-node-lifecycle', 'route', 'service'] as const;

/**
 * Who leads is decided for each of these together: controllers that work on the same kinds, so that the replica that leads
 * them meets few conflicts of its own. Each has a Lease in kube-system, see `leaseOf`.
 */
export const CONTROLLER_GROUPS: Readonly<Record<string, readonly (typeof CONTROLLERS)[number][]>> = {
  workloads: [
    'deployment',
    'replicaset',
    'replicationcontroller',
    'daemonset',
    'statefulset',
    'job',
    'cronjob',
    'disruption',
    'ttl-after-finished',
    'horizontal-pod-autoscaler',
  ],
  endpoints: ['endpoint', 'endpointslice', 'endpointslicemirroring', 'service-cidrs'],
  nodes: [
    'node-lifecycle',
    'taint-eviction',
    'device-taint-eviction',
    'resourceclaim',
    'node-ipam',
    'node-ttl',
    'pod-gc',
  ],
  cleanup: ['namespace', 'garbage-collector', 'resourcequota'],
  volumes: [
    'persistentvolume-binder',
    'persistentvolume-expander',
    'persistentvolume-attach-detach',
    'ephemeral-volume',
    'pvc-protection',
    'pv-protection',
    'volumeattributesclass-protection',
  ],
  identity: [
    'csr-signing',
    'csr-approving',
    'csr-cleaner',
    'token-cleaner',
    'bootstrap-signer',
    'serviceaccount-token',
    'legacy-serviceaccount-token-cleaner',
    'serviceaccount',
    'root-ca-cert-publisher',
    'clusterrole-aggregation',
    'validatingadmissionpolicy-status',
  ],
};
/** Where Kubernetes users look for the controller manager's leader they find that of the workloads. */
export const leaseOf = (group: string): string =>
  group === 'workloads' ? 'kube-controller-manager' : `kube-controller-manager-${group}`;
