import type { Endpoints, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { serviceOfSlice, SLICE_CHANGES_MS, sliceWrites } from '../../runtime/endpoint-slices.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import * as resources from '../../runtime/resources.ts';
import { selects } from '../../runtime/service-pods.ts';
import { isMirrored, MANAGER, reconcile } from './reconcile.ts';

const BY_MIRRORED = 'mirrored';
/** Source: endpointslicemirroring_controller.go. */
const LIMITS = { firstMs: 1_000, maxMs: 100_000, perSecond: 10, burst: 100 };
const isByHand = (service: Service): boolean => !selects(service);

/** Keeps slices of the Endpoints that somebody writes by hand for a Service without a selector. */
export function startEndpointSliceMirroring(deps: ControllerDeps): Controller {
  const client = deps.client('controller:endpointslicemirroring');
  const services = deps.informers.for<Service>(resources.services);
  const endpoints = deps.informers.for<Endpoints>(resources.endpoints);
  const slices = deps.informers.for<EndpointSlice>(resources.endpointSlices);
  slices.addIndex(BY_MIRRORED, (slice) => [serviceOfSlice(slice, MANAGER) ?? []].flat());
  const writes = sliceWrites(slices, MANAGER);
  /** Only a Service without a selector has anything mirrored; what is there all the same is cleared away. */
  const concerns = (key: string): boolean => {
    const service = services.get(key);
    return (service !== undefined && isByHand(service)) || hasSlices(key);
  };
  const hasSlices = (key: string): boolean => slices.byIndex(BY_MIRRORED, key)[Symbol.iterator]().next().done === false;

  return startController({
    name: 'endpointslicemirroring',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'endpoint-slice-mirroring-controller'),
    limits: LIMITS,
    sources: [
      source(services, (service, old) =>
        old ? (isByHand(service) !== isByHand(old) ? [keyOf(service)] : []) : isByHand(service) ? [keyOf(service)] : [],
      ),
      source(endpoints, function* (object, old) {
        const key = keyOf(object);
        if ((isMirrored(object) || (old && isMirrored(old))) && concerns(key)) yield key;
      }),
      source(slices, writes.keysOf, SLICE_CHANGES_MS),
    ],
    async sync({ key, execute }) {
      const service = services.get(key);
      const present = endpoints.get(key);
      const wanted = service && isByHand(service) && present && isMirrored(present) ? present : undefined;
      const mirrored = [...slices.byIndex(BY_MIRRORED, key)].filter((slice) => !slice.metadata.deletionTimestamp);
      const intents = reconcile({ endpoints: wanted, slices: mirrored });
      try {
        await execute(intents, { onCreated: writes.note, onUpdated: writes.note });
      } catch (error) {
        if (!isNamespaceTerminating(error)) throw error;
      }
    },
  });
}
