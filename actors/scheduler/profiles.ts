import type { SchedulerMetrics } from './metrics.ts';
import type { Placing } from './placing.ts';
import type { VolumeBindingArgs } from './plugins/args.ts';
import type { FilterPlugin } from './plugins/plugin.ts';
import type { Reserver } from './reservation.ts';
import type { SchedulingProfile } from './scheduling-profile.ts';
import type { Outside, SchedulerSettings } from './settings.ts';
import { schedulerOf, type PodInfo } from './snapshot/pod-info.ts';

interface Known extends SchedulingProfile {
  /** One of its filter plugins. */
  plugin(name: string): FilterPlugin | undefined;
  /** How long a pod waits on its node for its volumes; undefined: nobody has said. */
  readonly bindTimeoutMs: number | undefined;
}
export interface SchedulingProfiles {
  /** By the pod's schedulerName; undefined: another scheduler's. */
  of(pod: PodInfo): Known | undefined;
  has(schedulerName: string): boolean;
}
/** Whoever places pods, by the name that they ask for. `placing`: of the profile at that place. */
export function schedulingProfiles(o: {
  readonly settings: SchedulerSettings;
  readonly reservers: readonly Reserver[];
  readonly placing: (index: number) => Placing;
  readonly metrics: SchedulerMetrics;
  readonly outside: Outside | undefined;
}): SchedulingProfiles {
  const all = new Map(
    o.settings.profiles.map((own, i): [string, Known] => {
      const plugins = new Map(own.profile.filters.map((plugin) => [plugin.name, plugin]));
      return [
        own.schedulerName,
        {
          ...own,
          // Whatever is promised is looked at by the plugin of the same name first.
          reservers: o.reservers.filter(({ name }) => own.profile.reserves?.has(name) ?? true),
          placing: o.placing(i),
          advisers: o.outside?.advisers(own.schedulerName) ?? [],
          metrics: i === 0 ? o.metrics : o.metrics.of(own.schedulerName),
          plugin: (name) => plugins.get(name),
          bindTimeoutMs: bindTimeoutOf(own),
        },
      ];
    }),
  );
  return { of: ({ pod }) => all.get(schedulerOf(pod)), has: (name) => all.has(name) };
}
/** More than any timer can wait is as good as that. */
const LONGEST_MS = 2 ** 31 - 1;
function bindTimeoutOf({ argumentsOf }: SchedulerSettings['profiles'][number]): number | undefined {
  const { bindTimeoutSeconds } = (argumentsOf?.('VolumeBinding') ?? {}) as VolumeBindingArgs;
  return bindTimeoutSeconds === undefined ? undefined : Math.min(bindTimeoutSeconds * 1_000, LONGEST_MS);
}
