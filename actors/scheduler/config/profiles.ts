import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { fieldPath } from '../../../schemas/meta/field.ts';
import { inTreePlugins } from '../plugins/in-tree.ts';
import type { FilterPlugin, Plugin } from '../plugins/plugin.ts';
import { isFilter, isPostFilter, isScore, type Profile } from '../plugins/profile.ts';
import {
  POINTS,
  type ExtensionPoint,
  type ProfileConfiguration,
  type SchedulerConfiguration,
} from './configuration.ts';
import { IN_TREE_POINTS, placeOf, type Placement } from './plugin-sets.ts';
import { validateFit } from './validate-arguments.ts';

/** How the pods of one schedulerName are placed. */
export interface ConfiguredProfile {
  readonly schedulerName: string;
  readonly profile: Profile;
  /** 0..100; 0: by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  readonly at: Placement['at'];
  readonly weights: Placement['weights'];
  /** Of each plugin that it names what it is told. */
  readonly argumentsOf: (name: string) => unknown;
}
/** A plugin of the user's own: where it has something to do. */
export interface OwnPlugin {
  readonly name: string;
  readonly points: readonly ExtensionPoint[];
}

/**
 * The profiles of a configuration; `own` are plugins that come from elsewhere. Thrown: Error in the words of kube-scheduler.
 * Source: scheduler profile.NewMap, framework/runtime NewFramework.
 */
export function profilesOf(configuration: SchedulerConfiguration, own: readonly OwnPlugin[] = []): readonly ConfiguredProfile[] {
  const mine = new Map(own.map(({ name, points }) => [name, points]));
  return configuration.profiles.map((profile) => {
    try {
      return profileOf(profile, configuration, mine);
    } catch (error) {
      throw new Error(`initializing profiles: creating profile for scheduler name ${profile.schedulerName}: ${(error as Error).message}`, { cause: error });
    }
  });
} // prettier-ignore
function profileOf(
  c: ProfileConfiguration,
  { percentageOfNodesToScore }: SchedulerConfiguration,
  own: ReadonlyMap<string, readonly ExtensionPoint[]>,
): ConfiguredProfile {
  const args = new Map(c.pluginConfig.map((one) => [one.name, one.args]));
  const fit = args.get('NodeResourcesFit');
  const enabled = new Set(Object.values(c.plugins).flatMap((set) => set.enabled.map(({ name }) => name)));
  if (fit !== undefined && enabled.has('NodeResourcesFit')) {
    // Upstream checks these from no path.
    const errors = [...validateFit(fit, fieldPath(''))].map(({ field, message }) => `${field}: ${message}`);
    if (errors.length > 0) throw new Error(`initializing plugin "NodeResourcesFit": ${aggregate(errors)}`);
  }
  const { at, weights } = placeOf(c.schedulerName, c.plugins, (name) => own.get(name) ?? IN_TREE_POINTS[name]);
  const made = new Map<string, Plugin>();
  for (const name of new Set(POINTS.flatMap((point) => at[point])))
    if (!own.has(name) && Object.hasOwn(inTreePlugins, name)) made.set(name, inTreePlugins[name]!(args.get(name)));
  const standing = (point: ExtensionPoint): Plugin[] =>
    at[point].flatMap((name) => (made.has(name) ? [made.get(name)!] : []));
  const inFilter = new Set(at.filter);
  return {
    schedulerName: c.schedulerName,
    percentageOfNodesToScore: c.percentageOfNodesToScore ?? percentageOfNodesToScore,
    at,
    weights,
    argumentsOf: (name) => args.get(name),
    profile: {
      filters: [
        ...standing('filter').filter(isFilter),
        ...standing('preFilter')
          .filter((plugin) => !inFilter.has(plugin.name))
          .filter(isFilter)
          .map(preparing),
      ],
      reserves: new Set([...at.reserve, ...at.preBind]),
      postFilters: standing('postFilter').filter(isPostFilter),
      scores: standing('score')
        .filter(isScore)
        .map((plugin) => ({ plugin, weight: weights.get(plugin.name) ?? 1 })),
    },
  };
}
/** A plugin that may say what holds for all nodes, but is not asked about each. */
const preparing = (plugin: FilterPlugin): FilterPlugin => ({
  name: plugin.name,
  hint: (event, pod) => plugin.hint(event, pod),
  prepare(cycle) {
    const prepared = plugin.prepare(cycle);
    if (prepared === 'skip' || 'reject' in prepared) return prepared;
    return prepared.only === undefined ? 'skip' : { filter: () => undefined, only: prepared.only };
  },
});
