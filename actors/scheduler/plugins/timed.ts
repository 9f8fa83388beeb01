import type { SchedulerMetrics } from '../metrics.ts';
import type { FilterPlugin } from './plugin.ts';
import { WITHOUT_PREFILTER, type Profile, type WeightedScore } from './profile.ts';

type Metrics = Pick<SchedulerMetrics, 'elapsed' | 'took'>;
const made = new WeakMap<Profile, Profile>();

/** The same profile, whose plugins tell how long they take: for a few attempts in many, as it costs as much as they do. */
export function timed(profile: Profile, metrics: Metrics): Profile {
  let known = made.get(profile);
  if (known === undefined)
    made.set(
      profile,
      (known = {
        ...profile,
        filters: profile.filters.map((plugin) => timedFilter(plugin, metrics)),
        scores: profile.scores.map((one) => timedScore(one, metrics)),
      }),
    );
  return known;
}
const timedFilter = (plugin: FilterPlugin, { elapsed, took }: Metrics): FilterPlugin => ({
  name: plugin.name,
  dependsOnPods: plugin.dependsOnPods,
  hint: (event, pod) => plugin.hint(event, pod),
  prepare(cycle) {
    const began = elapsed();
    const prepared = plugin.prepare(cycle);
    const refuses = prepared !== 'skip' && 'reject' in prepared;
    if (!WITHOUT_PREFILTER.has(plugin.name))
      took('PreFilter', plugin.name, refuses ? 'UnschedulableAndUnresolvable' : 'Success', elapsed() - began);
    if (prepared === 'skip' || 'reject' in prepared) return prepared;
    return {
      ...prepared,
      filter(node) {
        const since = elapsed();
        const rejected = prepared.filter(node);
        const status =
          rejected === undefined ? 'Success' : rejected.resolvable ? 'Unschedulable' : 'UnschedulableAndUnresolvable';
        took('Filter', plugin.name, status, elapsed() - since);
        return rejected;
      },
    };
  },
});
const timedScore = ({ plugin, weight }: WeightedScore, { elapsed, took }: Metrics): WeightedScore => ({
  weight,
  plugin: {
    name: plugin.name,
    prepareScore(cycle, feasible) {
      const began = elapsed();
      const scorer = plugin.prepareScore(cycle, feasible);
      took('PreScore', plugin.name, 'Success', elapsed() - began);
      if (scorer === undefined) return undefined;
      return {
        ...scorer,
        score(node) {
          const since = elapsed();
          const score = scorer.score(node);
          took('Score', plugin.name, 'Success', elapsed() - since);
          return score;
        },
      };
    },
  },
});
