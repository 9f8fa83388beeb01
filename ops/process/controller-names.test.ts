import { expect, it } from 'vitest';
import { userOfCaller } from '../../actors/apiserver/doors/callers.ts';
import rbac from '../../schemas/facts/rbac.json' with { type: 'json' };
import { CONTROLLERS as starters } from './controller-manager.ts';
import { CLOUD_CONTROLLERS, CONTROLLER_GROUPS, CONTROLLERS, leaseOf } from './controller-names.ts';

it('puts every controller into one group, and each group under a lease of its own', () => {
  const grouped = Object.values(CONTROLLER_GROUPS).flat();
  expect(grouped.toSorted()).toEqual([...CONTROLLERS].toSorted());
  expect(grouped.toSorted()).toEqual(Object.keys(starters).toSorted());
  const groups = Object.keys(CONTROLLER_GROUPS);
  expect(new Set(groups.map(leaseOf)).size).toBe(groups.length);
  expect(groups.map(leaseOf)).toContain('kube-controller-manager');
});
it('has each ask the API as somebody to whom upstream gives rights', () => {
  type Subject = { readonly kind: string; readonly namespace?: string; readonly name: string };
  const bound = new Set(
    [...rbac.clusterRoleBindings, ...rbac.roleBindings]
      .flatMap((binding) => (binding.subjects ?? []) as readonly Subject[])
      .map(({ kind, namespace, name }) =>
        kind === 'ServiceAccount' ? `system:serviceaccount:${namespace}:${name}` : name,
      ),
  );
  expect(
    [...CONTROLLERS, ...CLOUD_CONTROLLERS].filter((name) => !bound.has(userOfCaller(`controller:${name}`).name)),
  ).toEqual([]);
});

const OFF = "off by v1.36's feature gates, and its kind is not served then";
const CLOUD = 'run by the cloud controller manager, where a cluster has one';
/** Every controller of kube-controller-manager v1.36, as its --controllers names them: ours, or why there is none. */
const UPSTREAM: Readonly<Record<string, (typeof CONTROLLERS)[number] | { readonly none: string }>> = {
  'bootstrap-signer-controller': 'bootstrap-signer', // Off by default there, on by kubeadm.
  'certificatesigningrequest-approving-controller': 'csr-approving',
  'certificatesigningrequest-cleaner-controller': 'csr-cleaner',
  'certificatesigningrequest-signing-controller': 'csr-signing',
  'cloud-node-lifecycle-controller': { none: CLOUD },
  'clusterrole-aggregation-controller': 'clusterrole-aggregation',
  'cronjob-controller': 'cronjob',
  'daemonset-controller': 'daemonset',
  'deployment-controller': 'deployment',
  'device-taint-eviction-controller': 'device-taint-eviction',
  'disruption-controller': 'disruption',
  'endpoints-controller': 'endpoint',
  'endpointslice-controller': 'endpointslice',
  'endpointslice-mirroring-controller': 'endpointslicemirroring',
  'ephemeral-volume-controller': 'ephemeral-volume',
  'garbage-collector-controller': 'garbage-collector',
  'horizontal-pod-autoscaler-controller': 'horizontal-pod-autoscaler',
  'job-controller': 'job',
  'kube-apiserver-serving-clustertrustbundle-publisher-controller': { none: OFF },
  'legacy-serviceaccount-token-cleaner-controller': 'legacy-serviceaccount-token-cleaner',
  'namespace-controller': 'namespace',
  'node-ipam-controller': 'node-ipam',
  'node-lifecycle-controller': 'node-lifecycle',
  'node-route-controller': { none: CLOUD },
  'persistentvolume-attach-detach-controller': 'persistentvolume-attach-detach',
  'persistentvolume-binder-controller': 'persistentvolume-binder',
  'persistentvolume-expander-controller': 'persistentvolume-expander',
  'persistentvolume-protection-controller': 'pv-protection',
  'persistentvolumeclaim-protection-controller': 'pvc-protection',
  'pod-garbage-collector-controller': 'pod-gc',
  'podcertificaterequest-cleaner-controller': { none: OFF },
  'podgroup-protection-controller': { none: OFF },
  'replicaset-controller': 'replicaset',
  'replicationcontroller-controller': 'replicationcontroller',
  'resourceclaim-controller': 'resourceclaim',
  'resourcepoolstatusrequest-controller': { none: OFF },
  'resourcequota-controller': 'resourcequota',
  'root-ca-certificate-publisher-controller': 'root-ca-cert-publisher',
  'selinux-warning-controller': { none: 'off by default; volumes have no SELinux labels here' },
  'service-cidr-controller': 'service-cidrs',
  'service-lb-controller': { none: CLOUD },
  'serviceaccount-controller': 'serviceaccount',
  'serviceaccount-token-controller': 'serviceaccount-token',
  'statefulset-controller': 'statefulset',
  'storage-version-migrator-controller': { none: OFF },
  'storageversion-garbage-collector-controller': { none: OFF },
  'taint-eviction-controller': 'taint-eviction',
  'token-cleaner-controller': 'token-cleaner', // As the first one.
  'ttl-after-finished-controller': 'ttl-after-finished',
  'ttl-controller': 'node-ttl',
  'validatingadmissionpolicy-status-controller': 'validatingadmissionpolicy-status',
  'volumeattributesclass-protection-controller': 'volumeattributesclass-protection',
};
it('has what kube-controller-manager has, and nothing else', () => {
  const ours = Object.values(UPSTREAM).filter((name) => typeof name === 'string');
  expect(ours.toSorted()).toEqual([...CONTROLLERS].toSorted());
});
