import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { disrupt, type Disruption } from '../../runtime/pod-disruption.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import { timeOf } from '../../runtime/time.ts';

/** Source: pkg/controller/podgc; kube-controller-manager --terminated-pod-gc-threshold. */
export const CHECK_MS = 20_000;
export const QUARANTINE_MS = 40_000;
export const TERMINATED_THRESHOLD = 12_500;
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';
const NODE_GONE = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };

export interface Observed {
  readonly pods: Iterable<Pod>;
  readonly node: (name: string) => Node | undefined;
  /** Since when each node that pods name has been missing, ms. */
  readonly missingSince: ReadonlyMap<string, number>;
  /** How many pods that are over may stay; 0 or less: any number. */
  readonly threshold?: number;
}
export interface Plan {
  /** What removes each pod: one that cannot be removed is no reason to keep the others. */
  readonly removals: readonly Removal[];
  /** Nodes whose pods would go: ask the API before believing that they are gone. */
  readonly goneNodes: ReadonlySet<string>;
}
/** Why a pod is removed, as it is counted. Source: pkg/controller/podgc/metrics. */
export type Reason = 'terminated' | 'out-of-service' | 'orphaned' | 'unscheduled';
export interface Removal {
  readonly pod: Pod;
  readonly reason: Reason;
  /** The pod goes because this node is gone. */
  readonly goneNode?: string;
  readonly intents: readonly Intent[];
}
const isReady = (node: Node): boolean =>
  node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const isEvicted = (pod: Pod): boolean => pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted';
const created = (pod: Pod): number => timeOf(pod.metadata.creationTimestamp) ?? 0;
/** Whether nobody but this controller will remove it, and nothing must be waited for. */
export const isUnscheduledAndDeleted = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp !== undefined && !pod.spec?.nodeName;

/**
 * Pods that nobody else will remove: too many that are over (evicted and oldest first), those deleted on nodes declared out
 * of service, those on nodes that are gone, and those deleted before they had a node.
 */
export function reconcile(observed: Observed, now: number): Plan {
  const over: Pod[] = [];
  const removals = new Map<Pod, Removal>();
  const goneNodes = new Set<string>();
  const remove = (pod: Pod, reason: Reason, because?: Disruption['because'], goneNode?: string): void => {
    // One that is over keeps the phase that it ended with.
    const intents = disrupt(pod, isPodTerminal(pod) ? {} : { because, isLost: true }, now).map(forced);
    removals.set(pod, { pod, reason, intents, ...(goneNode !== undefined && { goneNode }) });
  };
  for (const pod of observed.pods) {
    const nodeName = pod.spec?.nodeName;
    if (isPodTerminal(pod)) over.push(pod);
    if (!nodeName) {
      if (isUnscheduledAndDeleted(pod)) remove(pod, 'unscheduled');
      continue;
    }
    const node = observed.node(nodeName);
    if (node) {
      const isOut = node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false;
      if (pod.metadata.deletionTimestamp && isOut && !isReady(node)) remove(pod, 'out-of-service');
    } else if (now - (observed.missingSince.get(nodeName) ?? now) >= QUARANTINE_MS) {
      goneNodes.add(nodeName);
      remove(pod, 'orphaned', NODE_GONE, nodeName);
    }
  }
  const threshold = observed.threshold ?? TERMINATED_THRESHOLD;
  const surplus = threshold > 0 ? over.length - threshold : 0;
  if (surplus > 0) {
    over.sort((a, b) => Number(isEvicted(b)) - Number(isEvicted(a)) || created(a) - created(b) || (a.metadata.name! < b.metadata.name! ? -1 : 1)); // prettier-ignore
    for (const pod of over.slice(0, surplus)) remove(pod, 'terminated');
  }
  return { removals: [...removals.values()], goneNodes };
}
const forced = (intent: Intent): Intent => (intent.op === 'delete' ? { ...intent, gracePeriodSeconds: 0 } : intent);
