import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { MAX_SCORE, type FilterPlugin, type Rejection, type ScorePlugin } from './plugin.ts';

const NAME = 'NodeResourcesFit';

/** A pod's requests must fit beside those of the node's pods; the emptier node is liked better (LeastAllocated). */
export const nodeResourcesFit = (): FilterPlugin & ScorePlugin => ({
  name: NAME,
  prepare: ({ pod }) => {
    const wanted = [...pod.requests].filter(([, n]) => n > 0);
    return {
      filter: (node) => {
        if (node.pods.size < (node.allocatable.get('pods') ?? 0) && fits(wanted, node)) return undefined;
        return explain(wanted, node);
      },
    };
  },
  hint: (event, pod) => {
    if (event.type === 'pod.released') return sharesResource(pod, event.pod);
    if (event.type === 'node.added') return true;
    return event.type === 'node.updated' && grew(event.old.status?.allocatable, event.node.node.status?.allocatable);
  },
  prepareScore: ({ pod }) => {
    const cpu = pod.scoredRequests.get('cpu') ?? 0;
    const memory = pod.scoredRequests.get('memory') ?? 0;
    return {
      score: (node) => {
        let sum = 0;
        let resources = 0;
        for (const [name, wanted] of [
          ['cpu', cpu],
          ['memory', memory],
        ] as const) {
          // prettier-ignore
          const capacity = node.allocatable.get(name) ?? 0;
          if (capacity === 0) continue;
          resources++;
          sum += leastRequested((node.scoredRequested.get(name) ?? 0) + wanted, capacity);
        }
        return resources === 0 ? 0 : Math.trunc(sum / resources);
      },
    };
  },
});
const leastRequested = (requested: number, capacity: number): number =>
  requested > capacity ? 0 : Math.trunc(((capacity - requested) * MAX_SCORE) / capacity);

function fits(wanted: readonly (readonly [string, number])[], node: NodeInfo): boolean {
  for (const [name, n] of wanted)
    if (n > (node.allocatable.get(name) ?? 0) - (node.requested.get(name) ?? 0)) return false;
  return true;
}
/** Rejections by text: with thousands of full nodes the same one is answered again and again. */
const rejections = new Map<string, Rejection>();
function explain(wanted: readonly (readonly [string, number])[], node: NodeInfo): Rejection {
  const reasons: string[] = [];
  let resolvable = true;
  if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
  for (const [name, n] of wanted) {
    const capacity = node.allocatable.get(name) ?? 0;
    if (n <= capacity - (node.requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (n > capacity) resolvable = false;
  }
  const key = `${resolvable}${reasons.join('\n')}`;
  let known = rejections.get(key);
  if (known === undefined) rejections.set(key, (known = { plugin: NAME, reasons, resolvable }));
  return known;
}
/** Every pod takes one of the node's pod slots, so any leaving helps a pod that found none. */
function sharesResource(waiting: PodInfo, released: PodInfo): boolean {
  if (waiting.requests.size === 0) return true;
  for (const [name, n] of waiting.requests) if (n > 0 && (released.requests.get(name) ?? 0) > 0) return true;
  return released.requests.size === 0;
}
type Quantities = Readonly<Record<string, string | number>> | undefined;
const grew = (old: Quantities, now: Quantities): boolean =>
  Object.entries(now ?? {}).some(([name, quantity]) => old?.[name] !== quantity);
