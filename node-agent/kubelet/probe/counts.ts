/** What is counted of probes. Source: kubelet prober_manager.go ProberResults, ProberDuration. */
import { goDouble } from '../../../schemas/helpers/go-double.ts';
import { braced, head, Histogram, labelText, type Labels } from '../../../actors/runtime/metrics/series.ts';
import type { ProbeKind } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';

/** Upper bounds in seconds. Source: prometheus DefBuckets. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
export const PROBE_NAMES = { startup: 'Startup', readiness: 'Readiness', liveness: 'Liveness' } as const;

interface Count {
  successful: number;
  failed: number;
  /** Of those that succeeded. */
  readonly seconds: Histogram;
}
/** Of one container's probes, for as long as its pod is on the node; a probe that could not be made counts as none. */
export class ProbeCounts {
  readonly #counts = new Map<ProbeKind, Count>();

  add(kind: ProbeKind, success: boolean, seconds: number): void {
    let count = this.#counts.get(kind);
    if (count === undefined) this.#counts.set(kind, (count = { successful: 0, failed: 0, seconds: new Histogram(BUCKETS) })); // prettier-ignore
    if (success) count.seconds.add(seconds);
    count[success ? 'successful' : 'failed']++;
  }
  [Symbol.iterator](): Iterator<readonly [ProbeKind, Count]> {
    return this.#counts[Symbol.iterator]();
  }
}
/** All of a node's, as text; `since`: when the node began, ms since the epoch. */
export function probeMetrics({ containers }: Pick<NodeContext, 'containers'>, since: number): string {
  const totals: string[] = [];
  const durations: string[] = [];
  for (const { record, pod, probeCounts } of containers.values())
    for (const [kind, { successful, failed, seconds }] of probeCounts) {
      const { name = '', namespace = '', uid = '' } = pod.pod.metadata;
      const whose: Labels = { container: record.spec.name, namespace, pod: name };
      const probe_type = PROBE_NAMES[kind];
      for (const [result, n] of Object.entries({ failed, successful }))
        if (n > 0) totals.push(`prober_probe_total${braced(labelText({ ...whose, pod_uid: uid, probe_type, result }))} ${n}`); // prettier-ignore
      if (successful > 0) durations.push(...seconds.render('prober_probe_duration_seconds', labelText({ ...whose, probe_type }))); // prettier-ignore
    }
  const lines = [
    ...head('process_start_time_seconds', 'gauge', 'ALPHA', 'Start time of the process since unix epoch in seconds.'),
    `process_start_time_seconds ${goDouble(since / 1_000)}`,
    ...(durations.length > 0 ? head('prober_probe_duration_seconds', 'histogram', 'ALPHA', 'Duration in seconds for a probe response.') : []),
    ...durations,
    ...(totals.length > 0 ? head('prober_probe_total', 'counter', 'BETA', 'Cumulative number of a liveness, readiness or startup probe for a container by result.') : []),
    ...totals,
  ]; // prettier-ignore
  return `${lines.join('\n')}\n`;
}
