import type { Node, Pod, PodSpec, Taint } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { PLACES, prefixOf, type Cluster } from './cluster.ts';

/** A pod that no node takes, and what it is told. */
export interface Refusal {
  readonly name: string;
  readonly cluster: Cluster;
}
type Amounts = Record<string, string>;
/** What a case says; all else is the same for all. */
interface Case {
  readonly nodes: readonly NodeCase[];
  readonly pods?: readonly PodCase[];
  readonly pod: Omit<PodCase, 'on'>;
  readonly beside?: Record<string, readonly object[]>;
}
interface NodeCase {
  readonly labels?: Amounts;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: true;
  readonly allocatable?: Amounts;
}
interface PodCase {
  /** Index of its node. */
  readonly on?: number;
  readonly requests?: Amounts;
  readonly labels?: Amounts;
  readonly spec?: Partial<PodSpec>;
  readonly status?: Pod['status'];
  readonly leaving?: true;
}
const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';
const app = (value: string) => ({ labelSelector: { matchLabels: { app: value } } });
const term = (value: string, topologyKey = HOSTNAME) => ({ requiredDuringSchedulingIgnoredDuringExecution: [{ ...app(value), topologyKey }] }); // prettier-ignore
const port: Partial<PodSpec> = { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }] }] }; // prettier-ignore
const claimed: Partial<PodSpec> = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'claim' } }] };
const spread = (topologyKey: string): Partial<PodSpec> => ({ topologySpreadConstraints: [{ maxSkew: 1, topologyKey, whenUnsatisfiable: 'DoNotSchedule', ...app('a') }] }); // prettier-ignore
const storageClass = (mode: string) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: '$sc' }, provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: mode }); // prettier-ignore
const claim = (spec: object = {}, status: object = { phase: 'Pending' }, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'claim', namespace: '$x', ...metadata },
  spec: { storageClassName: '$sc', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  status,
}); // prettier-ignore
const bound = claim({ volumeName: '$pv' }, { phase: 'Bound' }, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }); // prettier-ignore
const volume = (spec: object = {}, labels: Amounts = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: '$pv', labels },
  spec: { storageClassName: '$sc', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, local: { path: '/x' }, claimRef: { namespace: '$x', name: 'claim', uid: '$xclaim' }, ...spec },
  status: { phase: 'Bound' },
}); // prettier-ignore
const inZone = (zone: string) => ({ nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }] } } }); // prettier-ignore
const storage = (mode: string, ...objects: readonly object[]): Record<string, readonly object[]> => ({
  [PLACES.classes]: [storageClass(mode)],
  [PLACES.claims]: objects.filter((o) => (o as KubeObject).kind === 'PersistentVolumeClaim'),
  [PLACES.volumes]: objects.filter((o) => (o as KubeObject).kind === 'PersistentVolume'),
  [PLACES.csiNodes]: objects.filter((o) => (o as KubeObject).kind === 'CSINode'),
});
const devices: Partial<PodSpec> = { resourceClaims: [{ name: 'd', resourceClaimName: 'device' }] };
const deviceClaim = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'device', namespace: '$x' }, spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: '$class', allocationMode: 'ExactCount', count: 1 } }] } } }; // prettier-ignore
const deviceClass = { apiVersion: 'resource.k8s.io/v1', kind: 'DeviceClass', metadata: { name: '$class' }, spec: {} };

const CASES: Readonly<Record<string, Case>> = {
  'there is no node': { nodes: [], pod: {} },
  'too little cpu, everywhere': { nodes: [{}, {}, {}], pod: { requests: { cpu: '100' } } },
  'too little of several things': {
    nodes: [{}, { allocatable: { memory: '1Gi' } }],
    pod: { requests: { cpu: '5', memory: '2Gi', 'ephemeral-storage': '1Gi', 'example.com/gpu': '1', 'hugepages-2Mi': '4Mi' } },
  },
  'too many pods': { nodes: [{ allocatable: { pods: '1' } }], pods: [{ on: 0 }], pod: {} },
  'taints': { nodes: [{ taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }, { taints: [{ key: 'c', effect: 'NoExecute' }] }], pod: {} },
  'cordoned nodes': { nodes: [{ unschedulable: true }], pod: {} },
  'a node selector': { nodes: [{}, { labels: { disk: 'hdd' } }], pod: { spec: { nodeSelector: { disk: 'ssd' } } } },
  'a node by its name that is not there': {
    nodes: [{}, {}],
    pod: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['$absent'] }] }] } } } } },
  },
  'a node by its name that is full': {
    nodes: [{}, {}],
    pod: { requests: { cpu: '9' }, spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['$n1'] }] }] } } } } },
  },
  'names of nodes that contradict each other': {
    nodes: [{}],
    pod: { spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['$n0'] }, { key: 'metadata.name', operator: 'In', values: ['$n1'] }] }] } } } } },
  },
  'host ports': { nodes: [{}], pods: [{ on: 0, spec: port }], pod: { spec: port } },
  'affinity to pods that are not there': { nodes: [{}, {}], pod: { spec: { affinity: { podAffinity: term('a') } } } },
  'anti-affinity': { nodes: [{}], pods: [{ on: 0, labels: { app: 'a' } }], pod: { spec: { affinity: { podAntiAffinity: term('a') } } } },
  "others' anti-affinity": { nodes: [{}], pods: [{ on: 0, spec: { affinity: { podAntiAffinity: term('a') } } }], pod: { labels: { app: 'a' } } },
  'spread': {
    nodes: [{}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }],
    pods: [{ on: 0, labels: { app: 'a' } }],
    pod: { labels: { app: 'a' }, spec: spread(HOSTNAME) },
  },
  'spread over a label that nodes do not have': { nodes: [{}], pod: { labels: { app: 'a' }, spec: spread('rack') } },
  'a claim that is not there': { nodes: [{}], pod: { spec: claimed } },
  'a claim that is to be made for the pod': { nodes: [{}], pod: { spec: { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'] } } } }] } } },
  'a claim that is leaving': { nodes: [{}], pod: { spec: claimed }, beside: storage('Immediate', claim({}, { phase: 'Pending' }, { deletionTimestamp: '2026-01-01T00:00:00Z' })) },
  'a claim that is lost': { nodes: [{}], pod: { spec: claimed }, beside: storage('Immediate', claim({ volumeName: '$pv' }, { phase: 'Lost' })) },
  'a claim that is not bound': { nodes: [{}], pod: { spec: claimed }, beside: storage('Immediate', claim()) },
  'a claim without a volume to bind': { nodes: [{}, {}], pod: { spec: claimed }, beside: storage('WaitForFirstConsumer', claim()) },
  'a volume that is gone': { nodes: [{}], pod: { spec: claimed }, beside: storage('Immediate', bound) },
  'a volume elsewhere, by its affinity': { nodes: [{ labels: { [ZONE]: 'z1' } }], pod: { spec: claimed }, beside: storage('Immediate', bound, volume(inZone('z2'))) },
  'a volume elsewhere, by its label': { nodes: [{ labels: { [ZONE]: 'z1' } }], pod: { spec: claimed }, beside: storage('Immediate', bound, volume({}, { [ZONE]: 'z2' })) },
  'a volume that one pod has for itself': {
    nodes: [{}, {}],
    pods: [{ on: 0, spec: claimed }],
    pod: { spec: claimed },
    beside: storage('Immediate', claim({ accessModes: ['ReadWriteOncePod'], volumeName: '$pv' }, { phase: 'Bound' }, { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }), volume({ accessModes: ['ReadWriteOncePod'] })),
  },
  'more volumes than a node takes': {
    nodes: [{}],
    pod: { spec: claimed },
    beside: storage('Immediate', bound, volume({ local: undefined, csi: { driver: '$csi', volumeHandle: 'h' } }), { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: '$n0' }, spec: { drivers: [{ name: '$csi', nodeID: 'n', allocatable: { count: 0 } }] } }),
  },
  'a device class that is not there': { nodes: [{}], pod: { spec: devices }, beside: { [PLACES.deviceClaims]: [deviceClaim] } },
  'devices that no node has': { nodes: [{}, {}], pod: { spec: devices }, beside: { [PLACES.deviceClaims]: [deviceClaim], [PLACES.deviceClasses]: [deviceClass] } },
  'preemption that it does not want': { nodes: [{}], pods: [{ on: 0, requests: { cpu: '4' } }], pod: { requests: { cpu: '1' }, spec: { priority: 10, preemptionPolicy: 'Never' } } },
  'nobody less important': { nodes: [{}, {}], pods: [{ on: 0, requests: { cpu: '4' } }, { on: 1, requests: { cpu: '4' } }], pod: { requests: { cpu: '1' } } },
  'somebody whom it may preempt': { nodes: [{}], pods: [{ on: 0, requests: { cpu: '4' } }], pod: { requests: { cpu: '1' }, spec: { priority: 10 } } },
  'some less important, but not enough': {
    nodes: [{}, {}, { taints: [{ key: 'a', effect: 'NoSchedule' }] }],
    pods: [{ on: 0, requests: { cpu: '1' } }, { on: 0, requests: { cpu: '3' }, spec: { priority: 10 } }, { on: 1, requests: { cpu: '4' }, spec: { priority: 10 } }],
    pod: { requests: { cpu: '2' }, spec: { priority: 10 } },
  },
  'victims that are on their way': {
    nodes: [{}],
    pods: [{ on: 0, requests: { cpu: '4' }, leaving: true, status: { phase: 'Running', conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] } }],
    pod: { requests: { cpu: '1' }, spec: { priority: 10 }, status: { phase: 'Pending', nominatedNodeName: '$n0' } },
  },
  'a little of everything': {
    nodes: [{ taints: [{ key: 'a', effect: 'NoSchedule' }] }, { unschedulable: true }, { labels: { disk: 'ssd' } }, { labels: { disk: 'ssd' }, allocatable: { cpu: '1' } }, {}],
    pods: [{ on: 2, requests: { cpu: '4' } }],
    pod: { requests: { cpu: '2' }, spec: { nodeSelector: { disk: 'ssd' }, tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }], priority: 10, preemptionPolicy: 'PreemptLowerPriority' } },
  },
}; // prettier-ignore

/** One pod of each sort that a scheduler refuses. */
export const refusals: readonly Refusal[] = Object.entries(CASES).map(([name, it], index) => {
  const prefix = prefixOf(index);
  const named = JSON.parse(JSON.stringify(it).replaceAll(/"\$(\w+)"/g, `"${prefix}$1"`)) as Case;
  const aPod = (podName: string, p: PodCase): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName, namespace: `${prefix}x`, uid: prefix + podName, labels: p.labels, ...(p.leaving && { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 30 }) },
    spec: { schedulerName: 'default-scheduler', priority: 0, containers: [{ name: 'c', image: 'i', ...(p.requests && { resources: { requests: p.requests, limits: p.requests } }) }], ...p.spec, ...(p.on !== undefined && { nodeName: `${prefix}n${p.on}` }) },
    status: p.status ?? { phase: p.on === undefined ? 'Pending' : 'Running', ...(p.on !== undefined && { startTime: '2026-01-01T00:00:00Z' }) },
  });
  const nodes = named.nodes.map(({ labels, taints = [], unschedulable, allocatable }, i) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: `${prefix}n${i}`, uid: `${prefix}n${i}`, labels: { [HOSTNAME]: `${prefix}n${i}`, ...labels } },
    spec: { ...(unschedulable && { unschedulable }), taints: [...taints, ...(unschedulable ? [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] : [])] },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...allocatable } },
  }) as Node);
  const withUid = (o: object): KubeObject => {
    const { metadata, ...rest } = o as KubeObject;
    return { ...rest, metadata: { uid: `${metadata.namespace ?? ''}${metadata.name}`, ...metadata } };
  };
  const beside = Object.fromEntries(Object.entries(named.beside ?? {}).map(([place, objects]) => [place, objects.map(withUid)]));
  return { name, cluster: { nodes, pods: (named.pods ?? []).map((p, i) => aPod(`p${i}`, p)), pod: aPod('pending', named.pod), beside } };
}); // prettier-ignore
