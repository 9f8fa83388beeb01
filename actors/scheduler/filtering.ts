import type { Cycle, FilterPlugin, NodeFilter, Rejection } from './plugins/plugin.ts';
import type { Profile } from './plugins/profile.ts';
import type { Diagnosis } from './schedule.ts';
import type { NodeInfo } from './snapshot/node-info.ts';

/** What one plugin has found for a pod before any node was looked at. */
export interface Part {
  readonly plugin: FilterPlugin;
  readonly filter: NodeFilter;
}
export interface Prepared {
  readonly filters: readonly Part[];
  /** No other nodes need be looked at. */
  readonly only: ReadonlySet<string> | undefined;
  /** Whose doing that is. */
  readonly narrowing: readonly string[];
}
const NOBODY: readonly string[] = [];

/** Asks the filter plugins once what holds for all nodes. Source: framework RunPreFilterPlugins. */
export function prepare(cycle: Cycle, profile: Profile): Prepared | { readonly rejected: Diagnosis } {
  const filters: Part[] = [];
  let only: ReadonlySet<string> | undefined;
  let narrowing = NOBODY;
  const nodes = cycle.snapshot.nodes.length;
  if (nodes === 0)
    return { rejected: { nodes, plugins: new Set(profile.filters.map((f) => f.name)), perNode: new Map() } };
  const refuse = (reason: string, plugins: readonly string[], absent?: Rejection) => ({
    rejected: {
      nodes,
      plugins: new Set(plugins),
      reason,
      perNode: new Map<string, Rejection>(),
      ...(absent && { absent }),
    },
  });
  let refused: Rejection | undefined;
  for (const plugin of profile.filters) {
    const p = plugin.prepare(cycle);
    if (p === 'skip') continue;
    if ('reject' in p) {
      if (!p.reject.resolvable) return refuse(p.reject.reasons.join(', '), [plugin.name], p.reject);
      // Eviction may help, so the others are heard too.
      refused = p.reject;
      continue;
    }
    filters.push({ plugin, filter: p.filter });
    if (p.only === undefined) continue;
    only = only === undefined ? p.only : new Set([...only].filter((name) => p.only!.has(name)));
    narrowing = [...narrowing, plugin.name].sort();
    if (only.size === 0)
      return refuse(
        narrowing.length === 1
          ? `node(s) didn't satisfy plugin ${narrowing[0]!}`
          : `node(s) didn't satisfy plugin(s) [${narrowing.join(' ')}] simultaneously`,
        narrowing,
      );
  }
  return refused === undefined
    ? { filters, only, narrowing }
    : refuse(refused.reasons.join(', '), [refused.plugin], refused);
}
/** What each plugin finds for the pod, one that refuses for every node does so for each; for trials with other pods gone. */
export function partsOf(cycle: Cycle, profile: Profile): readonly Part[] {
  const parts: Part[] = [];
  for (const plugin of profile.filters) {
    const p = plugin.prepare(cycle);
    if (p === 'skip') continue;
    parts.push('reject' in p ? { plugin: lifted(plugin), filter: () => p.reject } : { plugin, filter: p.filter });
  }
  return parts;
}
const lifted = (plugin: FilterPlugin): FilterPlugin => ({
  name: plugin.name,
  dependsOnPods: true,
  prepare: (cycle) => plugin.prepare(cycle),
  hint: (event, pod) => plugin.hint(event, pod),
});
/**
 * The same parts once pods were thought away or added: only those that depend on pods ask again. A plugin that had nothing
 * to say still has not. Source: framework PreFilterExtensions AddPod, RemovePod.
 */
export function again(cycle: Cycle, parts: readonly Part[]): readonly Part[] {
  return parts.flatMap((part) => {
    const { plugin } = part;
    if (plugin.dependsOnPods !== true) return [part];
    const p = plugin.prepare(cycle);
    if (p === 'skip') return [];
    return [{ plugin, filter: 'reject' in p ? () => p.reject : p.filter }];
  });
}
/**
 * Whether a node takes the pod: also if the pods nominated to it (of no lower priority) arrive, and also if they do not.
 * Source: framework RunFilterPluginsWithNominatedPods.
 */
export function judge(cycle: Cycle, parts: readonly Part[], node: NodeInfo): Rejection | undefined {
  const { snapshot, pod } = cycle;
  if (snapshot.nominated.size > 0) {
    const expected = [...(snapshot.nominated.get(node.name)?.values() ?? [])].filter(
      (p) => p.uid !== pod.uid && p.priority >= pod.priority,
    );
    if (expected.length > 0) {
      const rejected = snapshot.with(expected, node.name, () => ask(again(cycle, parts), node));
      if (rejected !== undefined) return rejected;
    }
  }
  return ask(parts, node);
}
function ask(parts: readonly Part[], node: NodeInfo): Rejection | undefined {
  for (const { filter } of parts) {
    const rejected = filter(node);
    if (rejected !== undefined) return rejected;
  }
  return undefined;
}
