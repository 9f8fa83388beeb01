import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import { pods as podsResource } from '../../runtime/resources.ts';
import { timeOf } from '../../runtime/time.ts';

/** Source: pkg/controller/podgc; kube-controller-manager --terminated-pod-gc-threshold. */
export const CHECK_MS = 20_000;
export const QUARANTINE_MS = 40_000;
export const TERMINATED_THRESHOLD = 12_500;
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

export interface Observed {
  readonly pods: Iterable<Pod>;
  readonly node: (name: string) => Node | undefined;
  /** Since when each node that pods name has been missing, ms. */
  readonly missingSince: ReadonlyMap<string, number>;
  readonly threshold?: number;
}
export interface Plan {
  readonly intents: readonly Intent[];
  /** Nodes whose pods would go: ask the API before believing that they are gone. */
  readonly goneNodes: ReadonlySet<string>;
}
interface Loss {
  readonly pod: Pod;
  readonly node?: string;
  readonly condition?: { readonly reason: string; readonly message: string };
}
const isReady = (node: Node): boolean =>
  node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const isEvicted = (pod: Pod): boolean => pod.status?.phase === 'Failed' && pod.status.reason === 'Evicted';
const created = (pod: Pod): number => timeOf(pod.metadata.creationTimestamp) ?? 0;

/**
 * Pods that nobody else will remove: too many that are over (evicted and oldest first), those on nodes that are gone,
 * those deleted before they had a node, and those deleted on nodes declared out of service.
 */
export function reconcile(observed: Observed, now: number): Plan {
  const over: Pod[] = [];
  const losses: Loss[] = [];
  const goneNodes = new Set<string>();
  for (const pod of observed.pods) {
    const nodeName = pod.spec?.nodeName;
    if (isPodTerminal(pod)) over.push(pod);
    if (!nodeName) {
      if (pod.metadata.deletionTimestamp) losses.push({ pod });
      continue;
    }
    const node = observed.node(nodeName);
    if (node) {
      const isOut = node.spec?.taints?.some((taint) => taint.key === OUT_OF_SERVICE) ?? false;
      if (pod.metadata.deletionTimestamp && isOut && !isReady(node)) losses.push({ pod });
    } else if (now - (observed.missingSince.get(nodeName) ?? now) >= QUARANTINE_MS) {
      goneNodes.add(nodeName);
      const condition = { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };
      losses.push({ pod, node: nodeName, condition });
    }
  }
  const surplus = over.length - (observed.threshold ?? TERMINATED_THRESHOLD);
  if (surplus > 0) {
    over.sort((a, b) => Number(isEvicted(b)) - Number(isEvicted(a)) || created(a) - created(b) || (a.metadata.name! < b.metadata.name! ? -1 : 1)); // prettier-ignore
    losses.push(...over.slice(0, surplus).map((pod) => ({ pod })));
  }
  // All of one kind together: neighbours are carried out at once.
  const intents = losses.flatMap((loss) => failAndDelete(loss, now));
  return {
    intents: [...intents.filter((x) => x.op === 'patch'), ...intents.filter((x) => x.op === 'delete')],
    goneNodes,
  };
}

/** A pod that did not end is Failed first, so that its owner counts it right. */
function failAndDelete({ pod, condition }: Loss, now: number): readonly Intent[] {
  const { namespace, name, uid } = pod.metadata;
  const target = { gvr: podsResource, namespace, name: name! } as const;
  const gone: Intent = { op: 'delete', ...target, uid, gracePeriodSeconds: 0 };
  if (isPodTerminal(pod)) return [gone];
  const conditions = condition
    ? [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: formatTime(now), ...condition }]
    : undefined;
  const patch = { metadata: { uid }, status: { phase: 'Failed', ...(conditions && { conditions }) } };
  return [{ op: 'patch', ...target, type: 'strategic', patch, subresource: 'status', tolerate: ['NotFound'] }, gone];
}
