import type { NodeInfo } from './node-info.ts';
import type { AffinityTerm } from './pod-info.ts';
import type { Counted } from './selector-counts.ts';

/** A term that pods name, and how many do by value of its topology's label on their nodes. */
export interface TermUse {
  readonly term: AffinityTerm;
  readonly by: Counted;
}
/**
 * Terms of the pods that are there, alike ones together: pods of one workload say the same, so a pod is held against few
 * terms however many pods there are.
 */
export class TermTable {
  readonly #uses = new Map<string, { readonly term: AffinityTerm; readonly by: Map<string, number> }>();

  values(): Iterable<TermUse> {
    return this.#uses.values();
  }
  note(terms: readonly AffinityTerm[], node: NodeInfo, change: 1 | -1): void {
    for (const term of terms) {
      const value = node.labels[term.topologyKey];
      if (value === undefined) continue;
      let use = this.#uses.get(term.key);
      if (use === undefined) this.#uses.set(term.key, (use = { term, by: new Map() }));
      const count = (use.by.get(value) ?? 0) + change;
      if (count > 0) use.by.set(value, count);
      else if (use.by.delete(value) && use.by.size === 0) this.#uses.delete(term.key);
    }
  }
}
