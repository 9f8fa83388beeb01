import { replicaSets, services } from '../../../actors/runtime/resources.ts';
import type { Node, Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';

/** Pods to be placed, and what is there before. Source: test/integration/scheduler_perf. */
export interface Workload {
  readonly name: string;
  readonly pod: (i: number) => Pod;
  readonly beside?: readonly (readonly [GroupVersionResource, KubeObject])[];
  /** Pods that find no node, created first; their names begin otherwise. */
  readonly waiting?: { readonly count: number; readonly pod: (i: number) => Pod };
}
export const benchNode = (i: number): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: `n${i}`,
    labels: {
      'kubernetes.io/hostname': `n${i}`,
      'topology.kubernetes.io/zone': `zone-${i % 3}`,
      'topology.kubernetes.io/region': 'here',
    },
  },
  status: {
    allocatable: { cpu: '4', memory: '32Gi', pods: '110' },
    images: [{ names: ['pause:1'], sizeBytes: 700_000 }],
  },
});
const pod = (name: string, labels: Record<string, string> = {}, spec: Partial<PodSpec> = {}, cpu = '100m'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
  spec: {
    containers: [{ name: 'pause', image: 'pause:1', resources: { requests: { cpu, memory: '500Mi' } } }],
    schedulerName: 'default-scheduler',
    tolerations: [
      { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ],
    ...spec,
  },
  status: { phase: 'Pending' },
});
const blue = { color: 'blue' };
const term = (topologyKey: string, labels: Record<string, string>) => ({
  topologyKey,
  labelSelector: { matchLabels: labels },
});
const owned = (i: number): Pod => {
  const made = pod(`p${i}`, { app: `a${i % 20}` });
  const name = `rs${i % 20}`;
  return {
    ...made,
    metadata: {
      ...made.metadata,
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: name, controller: true }],
    },
  };
};
const groups = Array.from({ length: 20 }, (_, i): readonly (readonly [GroupVersionResource, KubeObject])[] => [
  [
    services,
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: `s${i}`, namespace: 'default' },
      spec: { selector: { app: `a${i}` } },
    } as KubeObject,
  ],
  [
    replicaSets,
    {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: `rs${i}`, namespace: 'default' },
      spec: { selector: { matchLabels: { app: `a${i}` } } },
    } as KubeObject,
  ],
]).flat();

export const WORKLOADS: readonly Workload[] = [
  { name: 'basic', pod: (i) => pod(`p${i}`) },
  { name: 'service', pod: owned, beside: groups },
  {
    name: 'spread',
    pod: (i) =>
      pod(`p${i}`, blue, {
        topologySpreadConstraints: [
          {
            maxSkew: 5,
            topologyKey: 'topology.kubernetes.io/zone',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: blue },
          },
          {
            maxSkew: 20,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: blue },
          },
        ],
      }),
  },
  {
    name: 'affinity',
    pod: (i) =>
      pod(`p${i}`, blue, {
        affinity: {
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [term('topology.kubernetes.io/region', blue)],
          },
        },
      }),
  },
  {
    name: 'anti-affinity',
    pod: (i) => {
      const group = { group: `g${i % 100}` };
      return pod(`p${i}`, group, {
        affinity: {
          podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term('kubernetes.io/hostname', group)] },
        },
      });
    },
  },
  {
    name: 'preferred',
    pod: (i) =>
      pod(`p${i}`, blue, {
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 1, podAffinityTerm: term('kubernetes.io/hostname', blue) },
            ],
          },
        },
      }),
  },
  { name: 'unschedulable', pod: (i) => pod(`p${i}`), waiting: { count: 200, pod: (i) => pod(`w${i}`, {}, {}, '9') } },
];
