import type { Node, NodeCondition, Pod, Taint } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { nodes, pods as podsResource } from '../../runtime/resources.ts';
import type { NodeHealth } from './machine.ts';

export interface Observed {
  readonly node: Node;
  readonly health: NodeHealth;
  /** It is the first that this controller hears of it. */
  readonly isNew: boolean;
  /** Whether the node may be given a taint that evicts now (see zones.ts). */
  readonly mayEvict: boolean;
  /** Whether to take evicting taints back even though the node is not ready: all nodes are, so the fault is ours. */
  readonly mustSpare: boolean;
  readonly pods: Iterable<Pod>;
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
/** Labels of before v1.14, and those that they follow. Source: labelReconcileInfo. */
const FOLLOWED = { 'beta.kubernetes.io/os': 'kubernetes.io/os', 'beta.kubernetes.io/arch': 'kubernetes.io/arch' };
const conditionOf = (node: Node, type: string): NodeCondition | undefined =>
  node.status?.conditions?.find((c) => c.type === type);

/**
 * What a node's silence or its own word means for its status, its taints and its pods' readiness. A kubelet that says it is
 * not ready still speaks for its pods; one that is silent does not, whatever it said last (upstream leaves pods ready where a
 * node was not ready before it fell silent). Source: pkg/controller/nodelifecycle.
 */
export function reconcile(observed: Observed, now: number): Plan {
  const { node, health, isNew } = observed;
  const intents: Intent[] = isNew ? [event(node, 'RegisteredNode', 'Registered Node', 'in')] : [];
  const ready = conditionOf(node, 'Ready');
  if (health === 'silent' && ready?.status !== 'Unknown') {
    // The rest follows from this condition, once it is seen.
    intents.push(markUnknown(node, now));
    if (ready?.status === 'True') intents.push({ op: 'event', type: 'Normal', regarding: node, reason: 'NodeNotReady', message: `Node ${node.metadata.name} status is now: NodeNotReady` }); // prettier-ignore
    return { intents, waitsForTurn: false, evicts: false };
  }
  const wanted = ready?.status === 'True' || !ready ? undefined : ready.status === 'False' ? NOT_READY : UNREACHABLE;
  const { taints, waitsForTurn, evicts } = taintsFor(observed, wanted, now);
  const { name, resourceVersion, labels = {} } = node.metadata;
  const follow = Object.entries(FOLLOWED).filter(([old, label]) => label in labels && labels[old] !== labels[label]);
  const areTainted = equal(taints, node.spec?.taints ?? []);
  if (!areTainted || follow.length > 0) {
    const patch = {
      metadata: {
        // Taints are a list that is replaced: only where nobody has changed it since.
        ...(!areTainted && { resourceVersion }),
        ...(follow.length > 0 && { labels: Object.fromEntries(follow.map(([old, label]) => [old, labels[label]])) }),
      },
      ...(!areTainted && { spec: { taints: taints.length > 0 ? taints : null } }),
    };
    intents.push({ op: 'patch', gvr: nodes, namespace: undefined, name: name!, type: 'merge', patch, tolerate: ['NotFound'] }); // prettier-ignore
  }
  if (ready?.status === 'Unknown') intents.push(...markNotReady(observed.pods, now));
  return { intents, waitsForTurn, evicts };
}
/** A node that is no more. */
export const removed = (node: Node): readonly Intent[] => [event(node, 'RemovingNode', 'Removing Node', 'from')];
/** Source: pkg/controller/util/node RecordNodeEvent. */
function event(node: Node, reason: string, what: string, how: 'in' | 'from'): Intent {
  const { name } = node.metadata;
  return { op: 'event', type: 'Normal', regarding: node, reason, message: `Node ${name} event: ${what} ${name} ${how} Controller` }; // prettier-ignore
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
/** All patches together: neighbours are carried out at once. */
function markNotReady(pods: Iterable<Pod>, now: number): readonly Intent[] {
  const ready = [...pods].filter(isPodReady);
  const conditions = [{ type: 'Ready', status: 'False', lastTransitionTime: formatTime(now) }];
  return [
    ...ready.map(({ metadata: { namespace, name, uid } }): Intent => {
      const patch = { metadata: { uid }, status: { conditions } };
      return { op: 'patch', gvr: podsResource, namespace, name: name!, type: 'strategic', patch, subresource: 'status', tolerate: ['NotFound'] }; // prettier-ignore
    }),
    ...ready.map((pod): Intent => ({ op: 'event', type: 'Warning', regarding: pod, reason: 'NodeNotReady', message: 'Node is not ready' })), // prettier-ignore
  ];
}
