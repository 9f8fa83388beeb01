import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reconciling, source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import * as resources from '../../runtime/resources.ts';
import { hasSelector, podsOf, servicesOfPod } from '../../runtime/service-pods.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { MANAGED_BY, MANAGER, reconcile, SERVICE_NAME } from './reconcile.ts';

const BY_SERVICE = 'service';
const serviceOf = ({ metadata }: EndpointSlice): string[] =>
  metadata.labels?.[MANAGED_BY] === MANAGER ? [`${metadata.namespace}/${metadata.labels[SERVICE_NAME]}`] : [];

/** Says in EndpointSlices where the pods of each Service are and whether they are ready. */
export function startEndpointSliceController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:endpointslice');
  const services = deps.informers.for<Service>(resources.services);
  const pods = deps.informers.for<Pod>(resources.pods);
  const nodes = deps.informers.for<Node>(resources.nodes);
  const slices = deps.informers.for<EndpointSlice>(resources.endpointSlices);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  slices.addIndex(BY_SERVICE, serviceOf);

  return startController({
    name: 'endpointslice',
    ...deps,
    client,
    reads: [nodes],
    sources: [
      source(services, (service) => [keyOf(service)]),
      source(pods, servicesOfPod(services)),
      source(slices, function* (slice, old) {
        yield* serviceOf(slice);
        if (old) yield* serviceOf(old);
      }),
    ],
    sync: reconciling((key) => {
      const service = services.get(key);
      if (!service || !hasSelector(service)) return undefined;
      return {
        service,
        pods: podsOf(service, pods),
        slices: [...slices.byIndex(BY_SERVICE, key)].filter((slice) => !slice.metadata.deletionTimestamp),
        node: (name) => nodes.get(name),
      };
    }, reconcile),
  });
}
