import type { NodeInfo } from '../snapshot/node-info.ts';
import type { Counted } from '../snapshot/selector-counts.ts';
import type { Cycle } from './plugin.ts';
import { everywhere, hasAllKeys, type Spread } from './spread-constraints.ts';

/** How many alike pods there are in the domains of one constraint. */
export interface Domains {
  readonly names: ReadonlySet<string>;
  /** Those without any may be absent. */
  readonly by: Counted;
}
/**
 * `keys`: only nodes that have all these labels count; undefined: all do, and those without the label are one domain. Kept
 * current in the snapshot; only for a pod that does not count every node (by its node affinity or tolerations) are the sums
 * its own.
 */
export function domainsOf({ pod, snapshot }: Cycle, spread: Spread, keys: readonly string[] | undefined): Domains {
  const { selector, topologyKey } = spread;
  if (spread.counts === everywhere)
    return {
      names: snapshot.topology(topologyKey, keys).values,
      by: snapshot.countPodsIn(pod.namespace, selector.key, selector.matches, topologyKey, keys),
    };
  const perNode = snapshot.countPods(pod.namespace, selector.key, selector.matches);
  const by = new Map<string, number>();
  for (const node of snapshot.nodes) {
    if ((keys !== undefined && !hasAllKeys(node, keys)) || !spread.counts(node)) continue;
    const domain = node.labels[topologyKey] ?? '';
    by.set(domain, (by.get(domain) ?? 0) + (perNode.get(node.name) ?? 0));
  }
  return { names: new Set(by.keys()), by };
}
/** Without the pods that are thought away though they were never counted. Source: podtopologyspread updateWithPod. */
export function withoutLeaving(
  { pod, snapshot }: Cycle,
  spread: Spread,
  keys: readonly string[],
  by: Counted,
): Counted {
  if (snapshot.leavingAway.size === 0) return by;
  const left = new Map(by);
  for (const [gone, node] of snapshot.leavingAway) {
    if (gone.namespace !== pod.namespace || !spread.selector.matches(gone.labels)) continue;
    if (!hasAllKeys(node, keys) || !spread.counts(node)) continue;
    const domain = node.labels[spread.topologyKey]!;
    left.set(domain, (left.get(domain) ?? 0) - 1);
  }
  return left;
}
/** Of the domain with the fewest; with fewer domains than wanted the missing ones count as empty. */
export function lowestOf({ names, by }: Domains, minDomains: number): number {
  if (names.size < minDomains) return 0;
  if (names.size === 0) return Number.MAX_SAFE_INTEGER;
  let lowest = Infinity;
  for (const name of names) lowest = Math.min(lowest, by.get(name) ?? 0);
  return lowest;
}
/** In how many domains the nodes lie, of the `most` that there are. */
export function countDomains(nodes: readonly NodeInfo[], topologyKey: string, most: number): number {
  const seen = new Set<string>();
  for (const node of nodes) {
    seen.add(node.labels[topologyKey] ?? '');
    if (seen.size === most) break;
  }
  return seen.size;
}
