import type { Node, NodeSpec, Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';

let uids = 0;
/** A pod with one container that requests what `requests` says. */
export function aPod(
  name: string,
  o: {
    readonly requests?: Record<string, string>;
    readonly labels?: Record<string, string>;
    readonly spec?: Partial<PodSpec>;
    readonly status?: Pod['status'];
    readonly namespace?: string;
    readonly uid?: string;
  } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: o.namespace ?? 'default',
      uid: o.uid ?? `uid-${name}-${uids++}`,
      generation: 1,
      ...(o.labels && { labels: o.labels }),
    },
    spec: {
      containers: [{ name: 'main', image: 'app', ...(o.requests && { resources: { requests: o.requests } }) }],
      schedulerName: 'default-scheduler',
      ...o.spec,
    },
    status: o.status ?? { phase: 'Pending' },
  };
}
export function aNode(
  name: string,
  o: {
    readonly allocatable?: Record<string, string>;
    readonly labels?: Record<string, string>;
    readonly spec?: NodeSpec;
    readonly images?: { names: string[]; sizeBytes: number }[];
  } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...o.labels } },
    ...(o.spec && { spec: o.spec }),
    status: {
      allocatable: { cpu: '4', memory: '16Gi', pods: '110', ...o.allocatable },
      ...(o.images && { images: o.images }),
    },
  };
}
