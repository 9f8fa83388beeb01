import type { NodeInfo } from './node-info.ts';
import type { AffinityTerm } from './pod-info.ts';

/** A term that pods name, and how many of each node's do. */
export interface TermUse {
  readonly term: AffinityTerm;
  readonly byNode: ReadonlyMap<NodeInfo, number>;
}
/**
 * Terms of the pods that are there, alike ones together: pods of one workload say the same, so a pod is held against few
 * terms however many pods there are.
 */
export class TermTable {
  readonly #uses = new Map<string, { readonly term: AffinityTerm; readonly byNode: Map<NodeInfo, number> }>();

  values(): Iterable<TermUse> {
    return this.#uses.values();
  }
  note(terms: readonly AffinityTerm[], node: NodeInfo, by: 1 | -1): void {
    for (const term of terms) {
      let use = this.#uses.get(term.key);
      if (use === undefined) this.#uses.set(term.key, (use = { term, byNode: new Map() }));
      const count = (use.byNode.get(node) ?? 0) + by;
      if (count > 0) use.byNode.set(node, count);
      else if (use.byNode.delete(node) && use.byNode.size === 0) this.#uses.delete(term.key);
    }
  }
}
