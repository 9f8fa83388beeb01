import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Which pods a question is about. */
interface Question {
  /** Equal keys, equal questions. */
  readonly key: string;
  readonly accepts: (pod: PodInfo) => boolean;
}
interface Count extends Question {
  /** Nodes without any are absent. */
  readonly byNode: Map<string, number>;
}
const LIMIT = 256;

/**
 * Topology spread and affinity ask the same question (pods of this Service or ReplicaSet, per node) for every pod of a
 * workload. The answer is counted once per question and then kept current; the least recently asked are forgotten.
 */
export class SelectorCounts {
  readonly #counts = new Map<string, Count>();

  get(question: Question, nodes: Iterable<NodeInfo>): ReadonlyMap<string, number> {
    const { key } = question;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { ...question, byNode: countPods(question.accepts, nodes) };
      if (this.#counts.size >= LIMIT) this.#counts.delete(this.#counts.keys().next().value!);
    } else this.#counts.delete(key);
    this.#counts.set(key, count);
    return count.byNode;
  }
  note(node: string, pod: PodInfo, by: 1 | -1): void {
    for (const { accepts, byNode } of this.#counts.values()) {
      if (!accepts(pod)) continue;
      const n = (byNode.get(node) ?? 0) + by;
      if (n === 0) byNode.delete(node);
      else byNode.set(node, n);
    }
  }
}
export function countPods(accepts: (pod: PodInfo) => boolean, nodes: Iterable<NodeInfo>): Map<string, number> {
  const byNode = new Map<string, number>();
  for (const node of nodes) {
    let n = 0;
    for (const pod of node.pods.values()) if (accepts(pod)) n++;
    if (n > 0) byNode.set(node.name, n);
  }
  return byNode;
}
