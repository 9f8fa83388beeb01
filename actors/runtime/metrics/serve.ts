import type { Bus, Subscription } from '../../../bus/bus.ts';
import type { MetricsAnswer } from '../../../bus/protocol/metrics.ts';
import * as subjects from '../../../bus/subjects.ts';
import { buildInfo, processFamilies } from './process.ts';
import type { Registry } from './registry.ts';

/** Answers the API server, which says who may read. `others`: the replicas that are alive. */
export function serveMetrics(o: {
  readonly bus: Bus;
  readonly component: string;
  readonly id: string;
  readonly registry: Registry;
  readonly others?: (() => readonly string[]) | undefined;
}): Subscription {
  const { bus, component, id, registry } = o;
  const answer = async (): Promise<MetricsAnswer> => ({
    id,
    families: [...registry.families(), buildInfo, ...(await processFamilies())].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    others: (o.others?.() ?? []).filter((other) => other !== id),
  }); // prettier-ignore
  const served = [subjects.metricsOf(component), subjects.metrics(component, id)].map((subject) =>
    bus.serve(subject, 'metrics', answer),
  );
  return { unsubscribe: () => served.forEach((each) => each.unsubscribe()) };
}
