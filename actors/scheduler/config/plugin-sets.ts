import { defaultPlugins } from '../plugins/in-tree.ts';
import { POINTS, type ExtensionPoint, type PluginRef, type PluginSet, type PluginSets } from './configuration.ts';

/** What the operator says of one place, put into what stands there by default. Source: apis/config/v1 default_plugins.go mergePluginSet. */
function mergeSet(standard: readonly PluginRef[], own: PluginSet): PluginSet {
  const disabled = new Set(own.disabled.map(({ name }) => name));
  const custom = new Map(own.enabled.map((plugin, index) => [plugin.name, { plugin, index }]));
  const replaced = new Set<number>();
  const enabled: PluginRef[] = [];
  if (!disabled.has('*'))
    for (const plugin of standard) {
      if (disabled.has(plugin.name)) continue;
      const mine = custom.get(plugin.name);
      if (mine !== undefined) replaced.add(mine.index);
      enabled.push(mine?.plugin ?? plugin);
    }
  enabled.push(...own.enabled.filter((_, index) => !replaced.has(index)));
  return { enabled, disabled: own.disabled.map(({ name }) => ({ name, weight: 0 })) };
}
/** By default all plugins stand at `multiPoint`: wherever they have something to do. */
export const mergeSets = (own: PluginSets): PluginSets =>
  Object.fromEntries(
    (['multiPoint', ...POINTS] as const).map((point) => [
      point,
      mergeSet(point === 'multiPoint' ? defaultPlugins : [], own[point]),
    ]),
  ) as PluginSets;

/** All that are enabled anywhere, sorted. */
export const namesIn = (plugins: PluginSets): string[] =>
  [...new Set(Object.values(plugins).flatMap(({ enabled }) => enabled.map(({ name }) => name)))].sort();

/** How upstream's interfaces are called, which its errors show. */
const INTERFACES: Readonly<Record<ExtensionPoint, string>> = {
  preEnqueue: 'PreEnqueuePlugin', queueSort: 'QueueSortPlugin', preFilter: 'PreFilterPlugin', filter: 'FilterPlugin', postFilter: 'PostFilterPlugin',
  preScore: 'PreScorePlugin', score: 'ScorePlugin', reserve: 'ReservePlugin', permit: 'PermitPlugin', preBind: 'PreBindPlugin', bind: 'BindPlugin',
  postBind: 'PostBindPlugin', placementGenerate: 'PlacementGeneratePlugin', placementScore: 'PlacementScorePlugin',
}; // prettier-ignore
/** Where upstream's plugins have something to do. Source: their interface assertions in scheduler framework/plugins. */
export const IN_TREE_POINTS: Readonly<Record<string, readonly ExtensionPoint[]>> = {
  SchedulingGates: ['preEnqueue'],
  PrioritySort: ['queueSort'],
  NodeUnschedulable: ['filter'],
  NodeName: ['filter'],
  TaintToleration: ['filter', 'preScore', 'score'],
  NodeAffinity: ['preFilter', 'filter', 'preScore', 'score'],
  NodePorts: ['preFilter', 'filter'],
  NodeResourcesFit: ['preFilter', 'filter', 'preScore', 'score', 'placementScore'],
  VolumeRestrictions: ['preFilter', 'filter'],
  NodeVolumeLimits: ['preFilter', 'filter'],
  VolumeBinding: ['preFilter', 'filter', 'reserve', 'preBind', 'preScore', 'score'],
  VolumeZone: ['preFilter', 'filter'],
  PodTopologySpread: ['preFilter', 'filter', 'preScore', 'score'],
  InterPodAffinity: ['preFilter', 'filter', 'preScore', 'score'],
  DynamicResources: ['preEnqueue', 'preFilter', 'filter', 'postFilter', 'score', 'reserve', 'preBind'],
  DefaultPreemption: ['postFilter', 'preEnqueue'],
  NodeResourcesBalancedAllocation: ['preScore', 'score'],
  ImageLocality: ['score'],
  DefaultBinder: ['bind'],
  NodeDeclaredFeatures: ['preFilter', 'filter'],
};
/** Which plugins stand where, and how much the scores of each weigh. */
export interface Placement {
  readonly at: Readonly<Record<ExtensionPoint, readonly string[]>>;
  readonly weights: ReadonlyMap<string, number>;
}
/** Source: kube-scheduler framework MaxTotalScore, MaxNodeScore. */
const MAX_TOTAL_SCORE = 2 ** 63;
const MAX_SCORE = 100;

/**
 * Where each plugin stands in the end. `pointsOf` says where a plugin has something to do; undefined: there is none of that
 * name. Thrown: Error in the words of kube-scheduler. Source: framework/runtime NewFramework, expandMultiPointPlugins.
 */
export function placeOf(schedulerName: string, plugins: PluginSets, pointsOf: (name: string) => readonly ExtensionPoint[] | undefined): Placement {
  const has = (name: string, point: ExtensionPoint): boolean | undefined => pointsOf(name)?.includes(point);
  const at = {} as Record<ExtensionPoint, readonly string[]>;
  for (const point of POINTS) {
    const seen = new Set<string>();
    for (const { name } of plugins[point].enabled) {
      if (has(name, point) === undefined) throw new Error(`${INTERFACES[point]} ${JSON.stringify(name)} does not exist`);
      if (!has(name, point)) throw new Error(`plugin ${JSON.stringify(name)} does not extend ${INTERFACES[point]} plugin`);
      if (seen.has(name)) throw new Error(`plugin ${JSON.stringify(name)} already registered as ${JSON.stringify(INTERFACES[point])}`);
      seen.add(name);
    }
    at[point] = [...seen];
  }
  for (const point of POINTS) {
    const disabled = new Set(plugins[point].disabled.map(({ name }) => name));
    if (disabled.has('*')) continue;
    const own = at[point];
    const everywhere = new Set<string>();
    for (const { name } of plugins.multiPoint.enabled) {
      const can = has(name, point);
      if (can === undefined) throw new Error(`${INTERFACES[point]} ${JSON.stringify(name)} does not exist`);
      if (!can || disabled.has(name) || own.includes(name)) continue;
      if (everywhere.has(name)) throw new Error(`plugin ${JSON.stringify(name)} already registered as ${JSON.stringify(INTERFACES[point])}`);
      everywhere.add(name);
    }
    // Whom the operator names at this point although he stands everywhere, then those everywhere, then who is only here.
    const isOverride = (name: string): boolean => plugins.multiPoint.enabled.some((one) => one.name === name);
    at[point] = [...own.filter(isOverride), ...everywhere, ...own.filter((name) => !isOverride(name))];
  }
  const named = JSON.stringify(schedulerName);
  if (at.queueSort.length !== 1)
    throw new Error(`only one queue sort plugin required for profile with scheduler name ${named}, but got ${at.queueSort.length}`);
  if (at.bind.length === 0) throw new Error(`at least one bind plugin is needed for profile with scheduler name ${named}`);
  return { at, weights: weightsOf(plugins, has) };
} // prettier-ignore
function weightsOf(plugins: PluginSets, has: (name: string, point: ExtensionPoint) => boolean | undefined): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  let total = 0;
  for (const { name, weight } of [...plugins.score.enabled, ...plugins.multiPoint.enabled]) {
    if (!has(name, 'score') || weights.has(name)) continue;
    weights.set(name, weight || 1);
    if ((weight || 1) * MAX_SCORE > MAX_TOTAL_SCORE - total) throw new Error('score plugins: total score of Score plugins could overflow');
    total += (weight || 1) * MAX_SCORE;
  }
  return weights;
} // prettier-ignore
