import type { NodeInfo } from './node-info.ts';
import type { PodInfo } from './pod-info.ts';

/** Which pods are counted, and by what. */
interface Question {
  /** Equal keys, equal questions. */
  readonly key: string;
  readonly accepts: (pod: PodInfo) => boolean;
  /** What is counted by, of a pod's node; undefined: the pod does not count there. */
  readonly valueOf: (node: NodeInfo) => string | undefined;
}
/** By value; those without any are absent. */
export type Counted = ReadonlyMap<string, number>;
interface Count extends Question {
  readonly by: Map<string, number>;
}
const LIMIT = 512;

/**
 * Topology spread and affinity ask the same questions (pods of this Service or ReplicaSet, per node or zone) for every pod of a
 * workload. The answer is counted once per question and then kept current; the least recently asked are forgotten.
 */
export class SelectorCounts {
  readonly #counts = new Map<string, Count>();

  get(question: Question, nodes: Iterable<NodeInfo>): Counted {
    const { key } = question;
    let count = this.#counts.get(key);
    if (count === undefined) {
      count = { ...question, by: countPods(question, nodes) };
      if (this.#counts.size >= LIMIT) this.#counts.delete(this.#counts.keys().next().value!);
    } else this.#counts.delete(key);
    this.#counts.set(key, count);
    return count.by;
  }
  note(node: NodeInfo, pod: PodInfo, change: 1 | -1): void {
    for (const { accepts, valueOf, by } of this.#counts.values()) if (accepts(pod)) add(by, valueOf(node), change);
  }
}
export function countPods({ accepts, valueOf }: Omit<Question, 'key'>, nodes: Iterable<NodeInfo>): Map<string, number> {
  const by = new Map<string, number>();
  for (const node of nodes) for (const pod of node.pods.values()) if (accepts(pod)) add(by, valueOf(node), 1);
  return by;
}
function add(by: Map<string, number>, value: string | undefined, change: 1 | -1): void {
  if (value === undefined) return;
  const n = (by.get(value) ?? 0) + change;
  if (n === 0) by.delete(value);
  else by.set(value, n);
}
