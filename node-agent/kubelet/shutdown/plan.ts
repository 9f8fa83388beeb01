import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { GraceOfPriority } from '../node/configuration.ts';

const CRITICAL = 2_000_000_000;
/**
 * How long pods of which priorities have, from low to high: as given, else pods of the system come last and have their part
 * of the whole. None: pods are not waited for. `total`, `critical`: seconds. Pure. Source: kubelet nodeshutdown migrateConfig.
 */
export function gracePeriods(
  given: readonly GraceOfPriority[],
  total: number,
  critical: number,
): readonly GraceOfPriority[] {
  if (given.length > 0) return given.toSorted((a, b) => a.priority - b.priority);
  if (total === 0 || total < critical) return [];
  return [
    { priority: 0, shutdownGracePeriodSeconds: total - critical },
    { priority: CRITICAL, shutdownGracePeriodSeconds: critical },
  ];
}
export interface Wave<T> {
  /** Seconds. */
  readonly grace: number;
  readonly pods: readonly T[];
}
/** Pods in the order in which they end: each belongs to the highest priority that is not above its own. Pure. Source: groupByPriority. */
export function waves<T extends { readonly pod: Pod }>(periods: readonly GraceOfPriority[], pods: readonly T[]): Wave<T>[] {
  const groups = periods.map(({ shutdownGracePeriodSeconds }) => ({ grace: shutdownGracePeriodSeconds, pods: [] as T[] }));
  for (const one of pods) {
    const index = periods.findLastIndex(({ priority }) => priority <= (one.pod.spec?.priority ?? 0));
    groups[Math.max(index, 0)]?.pods.push(one);
  }
  return groups.filter((group) => group.pods.length > 0);
} // prettier-ignore
/** Seconds that one pod of a wave has. */
export const graceOf = ({ spec }: Pod, wave: { readonly grace: number }): number =>
  Math.min(wave.grace, spec?.terminationGracePeriodSeconds ?? wave.grace);
