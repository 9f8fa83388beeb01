/** What the EndpointSlice controller counts. Source: k8s.io/endpointslice metrics. */
import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { Listen } from '../../runtime/controller.ts';
import { identityOf, SERVICE_NAME } from '../../runtime/endpoint-slices.ts';
import type { Intent } from '../../runtime/intent.ts';
import type { Registry } from '../../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';

export interface SliceMetrics {
  /** Writes that were carried out. */
  readonly listen: Listen;
  /** What is to be written for one type of addresses of a Service. `before`: the slices that it has. */
  changing(
    service: Service,
    intents: readonly Intent[],
    isTopological: boolean,
    before: readonly EndpointSlice[],
  ): void;
  synced(failed: boolean): void;
}
const PER_SYNC = exponentialBuckets(2, 2, 15);
/** Source: prometheus DefBuckets. */
const DEFAULT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const of = (what: string, stability: 'BETA' | 'ALPHA', help: string) =>
  ({ name: `endpoint_slice_controller_${what}`, stability, help }) as const;

/** `slices`, `services`: those that this process keeps, read with each scrape; none where it does not lead. */
export function sliceMetrics(
  registry: Registry,
  max: number,
  slices: () => Iterable<EndpointSlice>,
  services: () => Iterable<Service>,
): SliceMetrics {
  const added = registry.histogram(of('endpoints_added_per_sync', 'BETA', 'Number of endpoints added on each Service sync'), PER_SYNC).at({}); // prettier-ignore
  const removed = registry.histogram(of('endpoints_removed_per_sync', 'BETA', 'Number of endpoints removed on each Service sync'), PER_SYNC).at({}); // prettier-ignore
  const changed = registry.histogram(of('endpointslices_changed_per_sync', 'ALPHA', 'Number of EndpointSlices changed on each Service sync'), DEFAULT); // prettier-ignore
  const changes = registry.counter(of('changes', 'ALPHA', 'Number of EndpointSlice changes'));
  const syncs = registry.counter(of('syncs', 'ALPHA', 'Number of EndpointSlice syncs'));
  const [created, updated, deleted] = ['create', 'update', 'delete'].map((operation) => () => void changes.at({ operation }).n++);
  const [success, error] = ['success', 'error'].map((result) => () => void syncs.at({ result }).n++);

  registry.gauge(of('endpoints_desired', 'BETA', 'Number of endpoints desired'), () => [[{}, sum(slices(), countOf)]]);
  registry.gauge(of('num_endpoint_slices', 'BETA', 'Number of EndpointSlices'), () => [[{}, sum(slices(), () => 1)]]);
  registry.gauge(of('desired_endpoint_slices', 'BETA', 'Number of EndpointSlices that would exist with perfect endpoint allocation'), () => {
    const groups = Map.groupBy(slices(), ({ metadata, addressType, ports }) =>
      JSON.stringify([metadata.namespace, metadata.labels?.[SERVICE_NAME], addressType, ports]));
    return [[{}, sum(groups.values(), (group) => Math.max(1, Math.ceil(sum(group, countOf) / max)))]];
  });
  registry.gauge(of('services_count_by_traffic_distribution', 'BETA', 'Number of Services using some specific trafficDistribution'), () =>
    [...Map.groupBy(services(), ({ spec }) => spec?.trafficDistribution ?? '')].flatMap(([traffic_distribution, group]) =>
      traffic_distribution === '' ? [] : [[{ traffic_distribution }, group.length] as const]));
  return {
    listen: { onCreated: created!, onUpdated: updated!, onDeleted: deleted! },
    changing(service, intents, isTopological, before) {
      const labels = { topology: isTopological ? 'Auto' : 'Disabled', traffic_distribution: service.spec?.trafficDistribution ?? '' };
      changed.at(labels).add(intents.length);
      const [come, gone] = difference(intents, before);
      added.add(come);
      removed.add(gone);
    },
    synced: (failed) => (failed ? error! : success!)(),
  };
} // prettier-ignore
const countOf = ({ endpoints }: EndpointSlice): number => endpoints?.length ?? 0;
function sum<T>(all: Iterable<T>, of: (one: T) => number): number {
  let total = 0;
  for (const one of all) total += of(one);
  return total;
}
/** How many endpoints are new in what is written, and how many are not in it any more. */
function difference(intents: readonly Intent[], before: readonly EndpointSlice[]): readonly [number, number] {
  if (intents.length === 0) return [0, 0];
  const touched = new Set<string>();
  const now = new Set<string>();
  for (const intent of intents) {
    if (intent.op === 'update') touched.add(intent.object.metadata.name!);
    if (intent.op === 'delete') touched.add(intent.name);
    if (intent.op === 'create' || intent.op === 'update')
      for (const endpoint of (intent.object as EndpointSlice).endpoints ?? []) now.add(identityOf(endpoint));
  }
  const then = new Set(
    before.filter(({ metadata }) => touched.has(metadata.name!)).flatMap(({ endpoints }) => (endpoints ?? []).map(identityOf)),
  );
  const missing = (all: ReadonlySet<string>, from: ReadonlySet<string>): number => sum(all, (one) => (from.has(one) ? 0 : 1));
  return [missing(now, then), missing(then, now)];
} // prettier-ignore
