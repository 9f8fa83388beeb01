import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Which pods a question is about. */
export interface Question {
  /** Equal keys, equal questions. */
  readonly key: string;
  readonly accepts: (pod: PodInfo) => boolean;
  /** Of those that are thought away, or added, for a trial; default: the same. */
  readonly acceptsInTrials?: ((pod: PodInfo) => boolean) | undefined;
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
  /** Questions that were first asked during the trial under way. */
  #asked: string[] | undefined;

  get(question: Question, nodes: Iterable<NodeInfo>): ReadonlyMap<string, number> {
    const { key } = question;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { ...question, byNode: countPods(question.accepts, nodes) };
      if (this.#counts.size >= LIMIT) this.#counts.delete(this.#counts.keys().next().value!);
      this.#asked?.push(key);
    } else this.#counts.delete(key);
    this.#counts.set(key, count);
    return count.byNode;
  }
  note(node: string, pod: PodInfo, by: 1 | -1): void {
    const isTrial = this.#asked !== undefined;
    for (const { accepts, acceptsInTrials, byNode } of this.#counts.values()) {
      if (!((isTrial && acceptsInTrials) || accepts)(pod)) continue;
      const n = (byNode.get(node) ?? 0) + by;
      if (n === 0) byNode.delete(node);
      else byNode.set(node, n);
    }
  }
  /** `fn` takes pods away for a trial, and puts them back. */
  supposing<T>(fn: () => T): T {
    if (this.#asked !== undefined) return fn();
    this.#asked = [];
    try {
      return fn();
    } finally {
      for (const key of this.#asked) this.#counts.delete(key);
      this.#asked = undefined;
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
