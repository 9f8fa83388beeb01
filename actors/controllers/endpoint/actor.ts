import type { Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reconciling, source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import * as resources from '../../runtime/resources.ts';
import { hasSelector, podsOf, servicesOfPod } from '../../runtime/service-pods.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { isManaged, reconcile } from './reconcile.ts';

/** Keeps an Endpoints object beside each Service that selects pods. */
export function startEndpointController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:endpoint');
  const services = deps.informers.for<Service>(resources.services);
  const pods = deps.informers.for<Pod>(resources.pods);
  const endpoints = deps.informers.for<Endpoints>(resources.endpoints);
  pods.addIndex(BY_NAMESPACE, byNamespace);

  return startController({
    name: 'endpoint',
    ...deps,
    client,
    sources: [
      source(services, (service) => [keyOf(service)]),
      source(pods, servicesOfPod(services)),
      source(endpoints, (object, old) => (isManaged(object) || (old && isManaged(old)) ? [keyOf(object)] : [])),
    ],
    sync: reconciling((key) => {
      const service = services.get(key);
      if (service && !hasSelector(service)) return undefined;
      return { key, service, pods: service ? podsOf(service, pods) : [], endpoints: endpoints.get(key) };
    }, reconcile),
  });
}
