import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { isPodReady, podReadySince } from '../pods.ts';
import { timeOf } from '../time.ts';

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const phaseOf = (pod: Pod): number => PHASES[pod.status?.phase ?? 'Pending'] ?? 0;

const COST = 'controller.kubernetes.io/pod-deletion-cost';
const costOf = (pod: Pod): number => {
  const text = pod.metadata.annotations?.[COST];
  return text !== undefined && /^(0|[+-]?[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
};
function restartsOf(pod: Pod): readonly [regular: number, sidecar: number] {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const most = (counts: readonly number[]): number => counts.reduce((a, b) => Math.max(a, b), 0);
  return [
    most(pod.status?.containerStatuses?.map((c) => c.restartCount) ?? []),
    most(pod.status?.initContainerStatuses?.filter((c) => sidecars.has(c.name)).map((c) => c.restartCount) ?? []),
  ];
}
/** Ages are compared by their power of two, so that pods of about the same age are chosen among at random (by uid). */
const magnitude = (ageMs: number): number => (ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1);
function byAge(a: number | undefined, b: number | undefined, now: number, uids: () => number): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1;
  return magnitude(now - a) - magnitude(now - b) || uids();
}

/**
 * The `count` pods that hurt least to lose: unassigned before assigned, pending before running, not ready before ready,
 * cheap before dear, crowded nodes before empty ones, young before old, restarting before stable.
 * `related`: how many active pods of the same owner's ReplicaSets a node holds.
 * Source: pkg/controller/controller_utils.go ActivePodsWithRanks.
 */
export function podsToDelete(
  pods: readonly Pod[],
  count: number,
  related: (node: string) => number,
  now: number,
): readonly Pod[] {
  if (count >= pods.length) return pods;
  const byUid = (a: Pod, b: Pod): number => ((a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1);
  const compare = (a: Pod, b: Pod): number => {
    const [nodeA, nodeB] = [a.spec?.nodeName ?? '', b.spec?.nodeName ?? ''];
    if (nodeA !== nodeB && (nodeA === '' || nodeB === '')) return nodeA === '' ? -1 : 1;
    const phase = phaseOf(a) - phaseOf(b);
    if (phase !== 0) return phase;
    const [readyA, readyB] = [isPodReady(a), isPodReady(b)];
    if (readyA !== readyB) return readyA ? 1 : -1;
    const cost = costOf(a) - costOf(b);
    if (cost !== 0) return cost;
    const crowd = related(nodeB) - related(nodeA);
    if (crowd !== 0) return crowd;
    if (readyA && readyB) {
      const ready = byAge(podReadySince(a), podReadySince(b), now, () => byUid(a, b));
      if (ready !== 0) return ready;
    }
    const [[regularA, sidecarA], [regularB, sidecarB]] = [restartsOf(a), restartsOf(b)];
    if (regularA !== regularB) return regularB - regularA;
    if (sidecarA !== sidecarB) return sidecarB - sidecarA;
    return byAge(timeOf(a.metadata.creationTimestamp), timeOf(b.metadata.creationTimestamp), now, () => byUid(a, b));
  };
  return [...pods].sort(compare).slice(0, count);
}
