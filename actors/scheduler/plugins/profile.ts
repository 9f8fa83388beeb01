import { defaultPlugins, inTreePlugins } from './in-tree.ts';
import type { FilterPlugin, Plugin, PostFilterPlugin, ScorePlugin } from './plugin.ts';

export interface Profile {
  /** In the order in which they are asked; the first to reject a node is the one that is quoted. */
  readonly filters: readonly FilterPlugin[];
  /** In the order in which they are asked, when no node will do. */
  readonly postFilters: readonly PostFilterPlugin[];
  readonly scores: readonly WeightedScore[];
  /** Plugins that have to do with a pod between the choice and the binding; absent: all that can. */
  readonly reserves?: ReadonlySet<string> | undefined;
}
export interface WeightedScore {
  readonly plugin: ScorePlugin;
  readonly weight: number;
}
/** Upstream's plugins that have something to say of each node, and nothing before: for metrics. */
export const WITHOUT_PREFILTER: ReadonlySet<string> = new Set(['NodeUnschedulable', 'NodeName', 'TaintToleration']);
/** A profile in which each plugin does all that it can. `weight` counts where it scores. */
export const profileOf = (plugins: readonly { readonly plugin: Plugin; readonly weight: number }[]): Profile => ({
  filters: plugins.flatMap(({ plugin }) => (isFilter(plugin) ? [plugin] : [])),
  postFilters: plugins.flatMap(({ plugin }) => (isPostFilter(plugin) ? [plugin] : [])),
  scores: plugins.flatMap(({ plugin, weight }) => (isScore(plugin) ? [{ plugin, weight }] : [])),
});
export const isFilter = (plugin: Plugin): plugin is Plugin & FilterPlugin => plugin.prepare !== undefined;
export const isPostFilter = (plugin: Plugin): plugin is Plugin & PostFilterPlugin => plugin.postFilter !== undefined;
export const isScore = (plugin: Plugin): plugin is Plugin & ScorePlugin => plugin.prepareScore !== undefined;

/** What places pods where nothing is configured. */
export const defaultProfile: Profile = profileOf(
  defaultPlugins.map(({ name, weight }) => ({ plugin: inTreePlugins[name]!(), weight })),
);
