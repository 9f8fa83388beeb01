import type { Registry } from './registry.ts';

/** Upper bounds in seconds. Source: pkg/controller/tainteviction/metrics. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

/** Counts the pods that a controller evicts; called with how late each was deleted, ms. */
export function podDeletions(registry: Registry | undefined, subsystem: string): (lateMs: number) => void {
  if (registry === undefined) return () => undefined;
  const of = (what: string, help: string) => ({ name: `${subsystem}_${what}`, stability: 'ALPHA', help }) as const;
  const total = registry.counter(of('pod_deletions_total', 'Pods that were deleted for a taint.')).at({});
  const late = registry.histogram(of('pod_deletion_duration_seconds', 'From when a pod was to be deleted for a taint until it was.'), BOUNDS).at({}); // prettier-ignore
  return (lateMs) => {
    total.n++;
    late.add(Math.max(0, lateMs) / 1_000);
  };
}
