import type { Registry } from './registry.ts';

/** Upper bounds in seconds. Source: pkg/controller/tainteviction/metrics. */
const BOUNDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];

const HELPS = {
  taint_eviction_controller: [
    'Total number of Pods deleted by TaintEvictionController since its start.',
    'Latency, in seconds, between the time when a taint effect has been activated for the Pod and its deletion via TaintEvictionController.',
  ],
  device_taint_eviction_controller: [
    'Total number of Pods deleted by DeviceTaintEvictionController since its start.',
    "Latency, in seconds, between the time when a device taint effect has been activated and a Pod's deletion via DeviceTaintEvictionController.",
  ],
} as const;

/** Counts the pods that a controller evicts; called with how late each was deleted, ms. */
export function podDeletions(registry: Registry | undefined, subsystem: keyof typeof HELPS): (lateMs: number) => void {
  if (registry === undefined) return () => undefined;
  const of = (what: string, help: string) => ({ name: `${subsystem}_${what}`, stability: 'ALPHA', help }) as const;
  const [deletions, latency] = HELPS[subsystem];
  const total = registry.counter(of('pod_deletions_total', deletions)).at({});
  const late = registry.histogram(of('pod_deletion_duration_seconds', latency), BOUNDS).at({});
  return (lateMs) => {
    total.n++;
    late.add(Math.max(0, lateMs) / 1_000);
  };
}
