/**
 * Objects that admission lets through and that make no sense together, or ask for what cannot be. Each story has a namespace
 * of its own.
 */
import * as resources from '../../../actors/runtime/resources.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';

export type Made = readonly [GroupVersionResource, KubeObject & Readonly<Record<string, unknown>>];
const of = (group: string, resource: string): GroupVersionResource => ({ group, version: 'v1', resource });
const meta = (namespace: string, name: string, more: object = {}) => ({ namespace, name, ...more });
const pod = (labels: Readonly<Record<string, string>>, more: object = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'registry.k8s.io/pause:3.10' }], ...more },
});
const selects = (labels: Readonly<Record<string, string>>) => ({ selector: { matchLabels: labels } });
const A = { app: 'a' };
/** A workload of each kind, all of which select the same pods. */
const workloads = (namespace: string, more: object = {}): Made[] => [
  [resources.deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta(namespace, 'd'), spec: { replicas: 2, ...selects(A), template: pod(A, more) } }],
  [resources.replicaSets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: meta(namespace, 'rs'), spec: { replicas: 2, ...selects(A), template: pod(A, more) } }],
  [resources.replicationControllers, { apiVersion: 'v1', kind: 'ReplicationController', metadata: meta(namespace, 'rc'), spec: { replicas: 2, selector: A, template: pod(A, more) } }],
  [resources.statefulSets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: meta(namespace, 'ss'), spec: { replicas: 2, serviceName: '', ...selects(A), template: pod(A, more) } }],
  [resources.daemonSets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: meta(namespace, 'ds'), spec: { ...selects(A), template: pod(A, more) } }],
  [resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: meta(namespace, 'j'), spec: { manualSelector: true, ...selects(A), template: pod(A, { ...more, restartPolicy: 'Never' }) } }],
]; // prettier-ignore
export const budgets = of('policy', 'poddisruptionbudgets');
const budget = (namespace: string, name: string): Made => [budgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: meta(namespace, name), spec: { maxUnavailable: 1, ...selects(A) } }]; // prettier-ignore
const configMap = (namespace: string, name: string, more: object): Made => [resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(namespace, name, more) }]; // prettier-ignore
const owner = (apiVersion: string, kind: string, name: string, uid: string) => ({ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }); // prettier-ignore
const NOBODY = '00000000-0000-0000-0000-00000000dead';
const cronJob = (namespace: string, name: string, schedule: string, more: object = {}): Made => [resources.cronJobs, { apiVersion: 'batch/v1', kind: 'CronJob', metadata: meta(namespace, name), spec: { schedule, jobTemplate: { spec: { template: pod({ job: name }, { restartPolicy: 'Never' }) } }, ...more } }]; // prettier-ignore

/** Selectors that match what belongs to another. */
export const overlapping: readonly Made[] = [
  // Nobody's, and wanted by all; one has the name that the StatefulSet needs.
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod(A), metadata: meta('overlapping', 'bare', { labels: A }) }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}), metadata: meta('overlapping', 'ss-0') }],
  ...workloads('overlapping'),
  budget('overlapping', 'one'),
  budget('overlapping', 'two'),
  [resources.services, { apiVersion: 'v1', kind: 'Service', metadata: meta('overlapping', 's1'), spec: { selector: A, ports: [{ port: 80 }] } }],
  [resources.services, { apiVersion: 'v1', kind: 'Service', metadata: meta('overlapping', 's2'), spec: { selector: A, ports: [{ port: 80 }] } }],
]; // prettier-ignore

/** What is in the namespace `other`. */
export const elsewhere: readonly [Made] = [configMap('other', 'owner', {})];
/** Owners that do not exist, or not where they are said to be. `uid`: of what is elsewhere. */
export const ownerless = (uid: string): readonly Made[] => [
  configMap('ownerless', 'orphan', { ownerReferences: [owner('v1', 'ConfigMap', 'never', NOBODY)] }),
  configMap('ownerless', 'unknown-kind', { ownerReferences: [owner('example.com/v1', 'Nothing', 'x', NOBODY)] }),
  configMap('ownerless', 'misplaced', { ownerReferences: [owner('v1', 'ConfigMap', 'owner', uid)] }),
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod(A), metadata: meta('ownerless', 'pod', { labels: A, ownerReferences: [owner('apps/v1', 'ReplicaSet', 'never', NOBODY)] }) }],
]; // prettier-ignore

/** What keeps a namespace from going. */
export const stuck: readonly Made[] = [configMap('stuck', 'kept', { finalizers: ['example.com/never'] })];

/** Claims that nothing can serve, and who waits for them. */
export const unserved: readonly Made[] = [
  [of('', 'persistentvolumeclaims'), { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta('unserved', 'claim'), spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'none-such' } }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }] }), metadata: meta('unserved', 'waits') }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'never' } }] }), metadata: meta('unserved', 'waits-for-nothing') }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata: meta('unserved', 'huge'), spec: { containers: [{ name: 'c', image: 'pause', resources: { requests: { cpu: '1k' } } }] } }],
  [resources.deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('unserved', 'd'), spec: { replicas: 1, progressDeadlineSeconds: 60, ...selects(A), template: { metadata: { labels: A }, spec: { containers: [{ name: 'c', image: 'pause', resources: { requests: { cpu: '1k' } } }] } } } }],
]; // prettier-ignore

/** More than a quota allows. */
export const forbidden: readonly Made[] = [
  [of('', 'resourcequotas'), { apiVersion: 'v1', kind: 'ResourceQuota', metadata: meta('forbidden', 'none'), spec: { hard: { pods: '0' } } }],
  ...workloads('forbidden'),
  cronJob('forbidden', 'cj', '0 0 1 1 *'),
]; // prettier-ignore

/** Refuse pods in the namespace `refused`. */
export const policies: readonly Made[] = [
  [of('admissionregistration.k8s.io', 'validatingadmissionpolicies'), { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicy', metadata: { name: 'no-pods' }, spec: { matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }] }, validations: [{ expression: 'false', message: 'no pods here' }] } }],
  [of('admissionregistration.k8s.io', 'validatingadmissionpolicybindings'), { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'no-pods' }, spec: { policyName: 'no-pods', validationActions: ['Deny'], matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'refused' } } } } }],
]; // prettier-ignore
export const refusedPod: Made = [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}), metadata: meta('refused', 'p') }]; // prettier-ignore
/** Pods that a policy refuses. */
export const refused: readonly Made[] = workloads('refused');
/** What asks for something that is not there. */
export const lacking: readonly Made[] = [
  ...workloads('lacking', { serviceAccountName: 'nobody' }),
  [of('', 'serviceaccounts'), { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta('lacking', 'keyless'), secrets: [{ name: 'never' }] }],
]; // prettier-ignore

/** Pods that fail whenever they run. */
export const failing: readonly Made[] = [
  [resources.deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: meta('failing', 'd'), spec: { replicas: 1, ...selects(A), template: { metadata: { labels: A }, spec: { containers: [{ name: 'c', image: 'busybox', command: ['false'] }] } } } }],
  [resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: meta('failing', 'j'), spec: { backoffLimit: 2, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox', command: ['false'] }] } } } }],
]; // prettier-ignore

/** Times that a clock which jumps leaves behind: in the far past, in the far future, and longer than a timer can wait. */
export const untimely = (now: number): readonly Made[] => {
  const at = (days: number): string => new Date(now + days * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
  const finished = (name: string, days: number, ttlSecondsAfterFinished: number): Made => [resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: meta('untimely', name), spec: { suspend: true, ttlSecondsAfterFinished, template: pod({}, { restartPolicy: 'Never' }) }, status: { startTime: at(days - 1), completionTime: at(days), succeeded: 1, conditions: [{ type: 'SuccessCriteriaMet', status: 'True', lastTransitionTime: at(days), lastProbeTime: at(days), reason: 'CompletionsReached' }, { type: 'Complete', status: 'True', lastTransitionTime: at(days), lastProbeTime: at(days), reason: 'CompletionsReached' }], uncountedTerminatedPods: {} } }];
  const scheduled = (name: string, days: number): Made => {
    const [gvr, object] = cronJob('untimely', name, '* * * * *', { suspend: false, concurrencyPolicy: 'Forbid' });
    return [gvr, { ...object, status: { lastScheduleTime: at(days) } }];
  };
  return [
    scheduled('long-ago', -100),
    scheduled('in-the-future', 100),
    cronJob('untimely', 'never', '0 0 31 2 *'),
    finished('for-ever', 0, 2_147_483_647),
    finished('not-yet', 200, 1),
    [of('coordination.k8s.io', 'leases'), { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace: 'kube-system', name: 'apiserver-future' , labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' } }, spec: { holderIdentity: 'x', leaseDurationSeconds: 3600, renewTime: new Date(now + 86_400_000).toISOString().replace('Z', '000Z') } }],
  ];
}; // prettier-ignore

/** A node whose kubelet nobody has ever heard. */
export const silent: readonly Made[] = [
  [resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'silent', labels: { 'topology.kubernetes.io/zone': 'z2' } } }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}, { nodeName: 'silent' }), metadata: meta('default', 'on-silent') }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}, { nodeName: 'never' }), metadata: meta('default', 'on-nothing') }],
]; // prettier-ignore
export const clusterRoles = of('rbac.authorization.k8s.io', 'clusterroles');
export const endpoints = of('', 'endpoints');
export const endpointSlices = of('discovery.k8s.io', 'endpointslices');
export const volumeAttachments = of('storage.k8s.io', 'volumeattachments');
/** What names something that is not there, or belongs to another, for the controllers of the cluster. */
export const strange: readonly Made[] = [
  // Each is made of the other.
  ...(['a', 'b'] as const).map((name): Made => [clusterRoles, { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: `circle-${name}`, labels: { [`circle-${name}`]: 'true' } }, rules: [], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [`circle-${name === 'a' ? 'b' : 'a'}`]: 'true' } }] } }]),
  [endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: meta('strange', 'by-hand'), subsets: [{ addresses: [{ ip: '10.9.9.9' }], ports: [{ port: 80 }] }] }],
  [resources.services, { apiVersion: 'v1', kind: 'Service', metadata: meta('strange', 'by-hand'), spec: { selector: A, ports: [{ port: 80 }] } }],
  [endpointSlices, { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: meta('strange', 'of-nobody', { labels: { 'kubernetes.io/service-name': 'never', 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' } }), addressType: 'IPv4', endpoints: [{ addresses: ['10.9.9.8'] }] }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata: meta('strange', 'claims-devices'), spec: { containers: [{ name: 'c', image: 'pause', resources: { claims: [{ name: 'd' }] } }], resourceClaims: [{ name: 'd', resourceClaimTemplateName: 'never' }] } }],
  [of('', 'persistentvolumeclaims'), { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: meta('strange', 'claims-space-v'), spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '' } }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', ...pod({}, { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } } }] }), metadata: meta('strange', 'claims-space') }],
  [of('', 'persistentvolumes'), { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'of-a-stranger' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi: { driver: 'never.example.com', volumeHandle: 'x' }, persistentVolumeReclaimPolicy: 'Delete', claimRef: { namespace: 'strange', name: 'gone', uid: NOBODY } } }],
  [volumeAttachments, { apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttachment', metadata: { name: 'to-nothing' }, spec: { attacher: 'never.example.com', nodeName: 'never', source: { persistentVolumeName: 'never' } } }],
  [of('', 'resourcequotas'), { apiVersion: 'v1', kind: 'ResourceQuota', metadata: meta('strange', 'of-nothing'), spec: { hard: { 'count/widgets.example.com': '1' } } }],
  [resources.nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'outside' }, spec: { podCIDR: '192.0.2.0/24', podCIDRs: ['192.0.2.0/24'] } }],
]; // prettier-ignore
