import type { Node, NodeCondition, Pod, Taint } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { podCondition } from '../../runtime/pods.ts';
import { nodes, pods as podsResource } from '../../runtime/resources.ts';
import type { NodeHealth } from './machine.ts';

export interface Observed {
  readonly node: Node;
  readonly health: NodeHealth;
  /** Whether the node may be given a taint that evicts now (see zones.ts). */
  readonly mayEvict: boolean;
  /** Whether to take evicting taints back even though the node is not ready: all nodes are, so the fault is ours. */
  readonly mustSpare: boolean;
  readonly pods: Iterable<Pod>;
  /** The node has ceased to be ready since the last look. */
  readonly hasJustFailed: boolean;
}
export interface Plan {
  readonly intents: readonly Intent[];
  /** A taint that evicts is due but must wait for its turn. */
  readonly waitsForTurn: boolean;
  /** It is given now. */
  readonly evicts: boolean;
}
const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';
const UNSCHEDULABLE = 'node.kubernetes.io/unschedulable';
/** Condition type and status to taint. Source: nodelifecycle nodeConditionToTaintKeyStatusMap. */
const TAINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { False: NOT_READY, Unknown: UNREACHABLE },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
};
const OURS = new Set([UNSCHEDULABLE, ...Object.values(TAINTS).flatMap((byStatus) => Object.values(byStatus))]);
const WATCHED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
const conditionOf = (node: Node, type: string): NodeCondition | undefined =>
  node.status?.conditions?.find((c) => c.type === type);

/**
 * What a node's silence or its own word means for its status, its taints and its pods' readiness.
 * Source: pkg/controller/nodelifecycle.
 */
export function reconcile(observed: Observed, now: number): Plan {
  const { node, health } = observed;
  const ready = conditionOf(node, 'Ready');
  if (health === 'silent' && ready?.status !== 'Unknown')
    // The rest follows from this condition, once it is seen.
    return { intents: [markUnknown(node, now), ...told(node)], waitsForTurn: false, evicts: false };

  const wanted = ready?.status === 'True' || !ready ? undefined : ready.status === 'False' ? NOT_READY : UNREACHABLE;
  const { taints, waitsForTurn, evicts } = taintsFor(observed, wanted, now);
  const intents: Intent[] = [];
  const before = node.spec?.taints ?? [];
  if (!equal(taints, before)) {
    const { name, resourceVersion } = node.metadata;
    const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
    intents.push({ op: 'patch', gvr: nodes, namespace: undefined, name: name!, type: 'merge', patch, tolerate: ['NotFound'] }); // prettier-ignore
  }
  if (ready?.status === 'Unknown' || (ready?.status === 'False' && observed.hasJustFailed)) {
    if (ready.status === 'False') intents.push(...told(node));
    for (const pod of observed.pods) intents.push(...markNotReady(pod, now));
  }
  return { intents, waitsForTurn, evicts };
}

function taintsFor({ node, mayEvict, mustSpare }: Observed, wanted: string | undefined, now: number) {
  const present = node.spec?.taints ?? [];
  const noSchedule = new Set<string>();
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = TAINTS[type]?.[status];
    if (key) noSchedule.add(key);
  }
  if (node.spec?.unschedulable) noSchedule.add(UNSCHEDULABLE);

  const isEvicting = (t: Taint): boolean => t.effect === 'NoExecute' && (t.key === NOT_READY || t.key === UNREACHABLE);
  const evicting = present.filter(isEvicting);
  const isGiven = evicting.some((t) => t.key === wanted);
  // One evicting taint may become the other at once: its pods have lost their turn already.
  const isDue = wanted !== undefined && !mustSpare && !isGiven;
  const gives = isDue && (mayEvict || evicting.length > 0);
  const keeps = wanted !== undefined && !mustSpare;

  const taints: Taint[] = present.filter((t) => {
    if (isEvicting(t)) return keeps && (t.key === wanted || !gives);
    if (t.effect === 'NoSchedule' && OURS.has(t.key)) return noSchedule.has(t.key);
    return true;
  });
  const timeAdded = formatTime(now);
  for (const key of noSchedule)
    if (!taints.some((t) => t.key === key && t.effect === 'NoSchedule'))
      taints.push({ key, effect: 'NoSchedule', timeAdded });
  if (gives) taints.push({ key: wanted, effect: 'NoExecute', timeAdded });
  return { taints, waitsForTurn: isDue && !gives, evicts: gives && evicting.length === 0 };
}

function markUnknown(node: Node, now: number): Intent {
  const at = formatTime(now);
  const conditions = [...(node.status?.conditions ?? [])];
  for (const type of WATCHED) {
    const i = conditions.findIndex((c) => c.type === type);
    const old = conditions[i];
    if (!old)
      conditions.push({ type, status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.', lastHeartbeatTime: node.metadata.creationTimestamp, lastTransitionTime: at }); // prettier-ignore
    else if (old.status !== 'Unknown')
      conditions[i] = { ...old, status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.', lastTransitionTime: at }; // prettier-ignore
  }
  const object: Node = { ...node, status: { ...node.status, conditions } };
  return { op: 'update', gvr: nodes, object, subresource: 'status', tolerate: ['NotFound'] };
}
const told = (node: Node): readonly Intent[] =>
  conditionOf(node, 'Ready')
    ? [{ op: 'event', type: 'Normal', regarding: node, reason: 'NodeNotReady', message: `Node ${node.metadata.name} status is now: NodeNotReady` }]
    : []; // prettier-ignore

function markNotReady(pod: Pod, now: number): readonly Intent[] {
  const ready = podCondition(pod, 'Ready');
  if (ready?.status !== 'True') return [];
  const { namespace, name, uid } = pod.metadata;
  const conditions = [{ ...ready, status: 'False', lastTransitionTime: formatTime(now) }];
  const patch = { metadata: { uid }, status: { conditions } };
  return [
    { op: 'patch', gvr: podsResource, namespace, name: name!, type: 'strategic', patch, subresource: 'status', tolerate: ['NotFound', 'Conflict'] },
    { op: 'event', type: 'Warning', regarding: pod, reason: 'NodeNotReady', message: 'Node is not ready' },
  ]; // prettier-ignore
}
