import type { Labels, Matcher } from '../../../schemas/helpers/label-match.ts';
import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** How many pods of each node a selector matches in one namespace, terminating ones not counted. */
export interface Count {
  readonly namespace: string;
  readonly matches: (labels: Labels) => boolean;
  readonly byNode: Map<string, number>;
}
const LIMIT = 256;

/**
 * Topology spread asks the same question (pods of this Service or ReplicaSet, per node) for every pod of a workload.
 * The answer is counted once per selector and then kept current; the least recently asked are forgotten.
 */
export class SelectorCounts {
  readonly #counts = new Map<string, Count>();

  get(namespace: string, key: string, matches: Matcher, nodes: Iterable<NodeInfo>): ReadonlyMap<string, number> {
    const id = `${namespace}\n${key}`;
    let count = this.#counts.get(id);
    if (count === undefined) {
      count = { namespace, matches, byNode: new Map() };
      for (const node of nodes) for (const pod of node.pods.values()) note(count, node.name, pod, 1);
      if (this.#counts.size >= LIMIT) this.#counts.delete(this.#counts.keys().next().value!);
    } else this.#counts.delete(id);
    this.#counts.set(id, count);
    return count.byNode;
  }
  note(node: string, pod: PodInfo, by: 1 | -1): void {
    for (const count of this.#counts.values()) note(count, node, pod, by);
  }
}
function note(count: Count, node: string, pod: PodInfo, by: 1 | -1): void {
  if (pod.namespace !== count.namespace || pod.terminating || !count.matches(pod.labels)) return;
  count.byNode.set(node, (count.byNode.get(node) ?? 0) + by);
}
