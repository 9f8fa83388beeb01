import type { Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import type { Ingress, IngressClass } from '../../schemas/generated/networking-v1.ts';
import type { Table } from './proxy/proxy.ts';
import { planRouting, type BackendKey } from './routing/plan.ts';
import { upstreamOf } from './routing/upstreams.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';
/** Key of the Service that a slice is of, if any. */
export const serviceOf = ({ metadata }: EndpointSlice): string[] => {
  const name = metadata.labels?.[SERVICE_LABEL];
  return name === undefined ? [] : [`${metadata.namespace}/${name}`];
};

/** The table as the caches have it; made anew only as far as something has changed. */
export interface Tables {
  readonly table: Table;
  rulesChanged(): void;
  /** Whether any backend is of that Service. */
  serviceChanged(key: string): boolean;
  /** Whether there is a new table. */
  renew(): boolean;
}
export function createTables(o: {
  readonly ingresses: () => Iterable<Ingress>;
  readonly classes: () => Iterable<IngressClass>;
  readonly service: (key: string) => Service | undefined;
  readonly slices: (service: string) => Iterable<EndpointSlice>;
}): Tables {
  let table: Table = { routing: planRouting([], []), upstreams: new Map() };
  let ofService = new Map<string, BackendKey[]>();
  let areRulesNew = true;
  const stale = new Set<BackendKey>();
  const tables: Tables = {
    get table() {
      return table;
    },
    rulesChanged: () => {
      areRulesNew = true;
    },
    serviceChanged: (key) => {
      const keys = ofService.get(key) ?? [];
      for (const one of keys) stale.add(one);
      return keys.length > 0;
    },
    renew() {
      if (!areRulesNew && stale.size === 0) return false;
      const routing = areRulesNew ? planRouting(o.ingresses(), o.classes()) : table.routing;
      if (areRulesNew) {
        ofService = new Map();
        for (const [key, { service }] of routing.backends) {
          const keys = ofService.get(service);
          if (keys === undefined) ofService.set(service, [key]);
          else keys.push(key);
        }
      }
      const upstreams = new Map(
        [...routing.backends].map(([key, ref]) => {
          const known = stale.has(key) ? undefined : table.upstreams.get(key);
          return [key, known ?? upstreamOf(ref, o.service(ref.service), o.slices(ref.service))] as const;
        }),
      );
      areRulesNew = false;
      stale.clear();
      table = { routing, upstreams };
      return true;
    },
  };
  return tables;
}
