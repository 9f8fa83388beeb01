import type { Endpoints, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import * as resources from '../../runtime/resources.ts';
import { hasSelector, podsOf, servicesOfPod } from '../../runtime/service-pods.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { createTriggerTimes } from '../../runtime/trigger-times.ts';
import { reconcile } from './reconcile.ts';

/** Keeps an Endpoints object beside each Service that selects pods, and takes those away that no Service is left of. */
export function startEndpointController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:endpoint');
  const recorder = deps.recorderFor(client, 'endpoint-controller');
  const services = deps.informers.for<Service>(resources.services);
  const pods = deps.informers.for<Pod>(resources.pods);
  const endpoints = deps.informers.for<Endpoints>(resources.endpoints);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  const triggers = createTriggerTimes();

  return startController({
    name: 'endpoint',
    ...deps,
    client,
    sources: [
      source(services, (service) => [keyOf(service)]),
      source(pods, servicesOfPod(services)),
      // Others' changes are let be until there is a reason to look; what they take away of a Service is made again.
      source(endpoints, function* (object) {
        const key = keyOf(object);
        if (!endpoints.get(key) && services.get(key)) yield key;
      }),
    ],
    onActive(enqueue) {
      triggers.clear();
      // Of Services that went while nobody led. Those of a Service that our cache is too old to know are not meant.
      for (const object of endpoints.all())
        if (!services.get(keyOf(object)) && services.revision >= Number(object.metadata.resourceVersion))
          enqueue(keyOf(object));
    },
    async sync({ key, execute }) {
      const service = services.get(key);
      if (!service) triggers.forget(key);
      else if (!hasSelector(service)) return;
      const selected = service ? [...podsOf(service, pods)] : [];
      const triggered = service && triggers.next(key, service, selected);
      const { intents } = reconcile({ key, service, pods: selected, endpoints: endpoints.get(key), triggered });
      const [intent] = intents;
      try {
        await execute(intents);
      } catch (error) {
        const isCreate = intent?.op === 'create';
        if (isCreate && isNamespaceTerminating(error)) return;
        const why = error instanceof Error ? error.message : String(error);
        if (isCreate)
          recorder.event(intent.object, 'Warning', 'FailedToCreateEndpoint', `Failed to create endpoint for service ${key}: ${why}`); // prettier-ignore
        else if (intent?.op === 'update')
          recorder.event(intent.object, 'Warning', 'FailedToUpdateEndpoint', `Failed to update endpoint ${key}: ${why}`); // prettier-ignore
        throw error;
      }
    },
  });
}
