import type { World } from '../../bus/world.ts';
import type { Service } from '../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createInformer, type Informer } from '../../actors/runtime/informer.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import { services } from '../../actors/runtime/resources.ts';
import { serviceFacts, type ServiceFacts } from './plan/facts.ts';

/** All that a node keeps of a Service: what rules are made of (undefined: none are), and what containers are told of it. */
export type WatchedService = Service & { readonly facts: ServiceFacts | undefined };

/** One watch for all of a node who look at Services. */
export const watchServices = (o: {
  readonly client: ApiClient;
  readonly world: World;
  readonly inspection?: Inspection | undefined;
}): Informer<WatchedService> =>
  createInformer<WatchedService>({ ...o, gvr: services, transform: (service) => kept(service) });

function kept(service: Service): WatchedService {
  const { apiVersion, kind, spec } = service;
  const { name, namespace, uid, resourceVersion } = service.metadata;
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid, resourceVersion },
    spec: { clusterIP: spec?.clusterIP, ports: spec?.ports },
    facts: serviceFacts(service),
  };
}
