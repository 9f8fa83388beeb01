import type { NodeInfo } from './node-info.ts';

/** Which domains nodes form. */
export interface Topology {
  /** The label's values. */
  readonly values: ReadonlySet<string>;
  /** Whether no node is left out. */
  readonly isComplete: boolean;
}
/**
 * The domain in which a node counts: its value of the label, if it has all of `keys`. Without `keys` nodes that do not have
 * the label are in one domain, ''. A node that is not known counts nowhere.
 */
export const domainIn =
  (topologyKey: string, keys: readonly string[] | undefined) =>
  ({ node, labels }: NodeInfo): string | undefined => {
    if (node === undefined) return undefined;
    if (keys === undefined) return labels[topologyKey] ?? '';
    for (const key of keys) if (labels[key] === undefined) return undefined;
    return labels[topologyKey];
  };
/** Equal where `domainIn` is. */
export const nameOfDomains = (topologyKey: string, keys: readonly string[] | undefined): string =>
  keys === undefined ? topologyKey : `${topologyKey}\n${keys.join('\n')}\n`;

/** Domains are the same for all pods until a node comes, goes, or is labelled otherwise. */
export class Topologies {
  readonly #known = new Map<string, Topology>();

  get(topologyKey: string, keys: readonly string[] | undefined, nodes: readonly NodeInfo[]): Topology {
    const name = nameOfDomains(topologyKey, keys);
    let known = this.#known.get(name);
    if (known === undefined) {
      if (this.#known.size >= LIMIT) this.#known.clear();
      this.#known.set(name, (known = look(nodes, domainIn(topologyKey, keys))));
    }
    return known;
  }
  /** Nodes are others now. */
  changed(): void {
    this.#known.clear();
  }
}
const LIMIT = 64;
function look(nodes: readonly NodeInfo[], domainOf: (node: NodeInfo) => string | undefined): Topology {
  const values = new Set<string>();
  let isComplete = true;
  for (const node of nodes) {
    const value = domainOf(node);
    if (value === undefined) isComplete = false;
    else values.add(value);
  }
  return { values, isComplete };
}
