import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type Listen, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { serviceOfSlice, SLICE_CHANGES_MS, sliceWrites } from '../../runtime/endpoint-slices.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import type { Intent } from '../../runtime/intent.ts';
import * as resources from '../../runtime/resources.ts';
import { hasSelector, podsOf, servicesOfPod } from '../../runtime/service-pods.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { createTriggerTimes } from '../../runtime/trigger-times.ts';
import { MANAGER } from './desired.ts';
import { sliceMetrics } from './metrics.ts';
import { MAX_ENDPOINTS, NO_TOPOLOGY, reconcile, type Topology } from './reconcile.ts';
import { isNodeReady, isOverloaded, zoneOf, zoneRatios, type ZoneRatios } from './topology.ts';

const BY_SERVICE = 'service';
/**
 * A slice goes to every node, so retries are slower than others'. Source: endpointslice_controller.go, which gives up after
 * 15 failures: a burst of changes brings those about at once while a node is not seen yet, and no event tells of what is
 * missing then. It is looked for once a minute.
 */
const LIMITS = { firstMs: 1_000, maxMs: 60_000, perSecond: 10, burst: 100 };

/** Says in EndpointSlices where the pods of each Service are and whether they are ready. */
export function startEndpointSliceController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:endpointslice');
  const recorder = deps.recorderFor(client, 'endpoint-slice-controller');
  const services = deps.informers.for<Service>(resources.services);
  const pods = deps.informers.for<Pod>(resources.pods);
  const nodes = deps.informers.for<Node>(resources.nodes);
  const slices = deps.informers.for<EndpointSlice>(resources.endpointSlices);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  slices.addIndex(BY_SERVICE, (slice) => [serviceOfSlice(slice, MANAGER) ?? []].flat());
  const triggers = createTriggerTimes();
  const writes = sliceWrites(slices, MANAGER);
  const topologies = new Map<string, Topology>();
  /** What is there is told of by who keeps it. */
  const kept = <T>(all: () => Iterable<T>): Iterable<T> => (deps.fence?.() === undefined ? [] : all());
  const metrics =
    deps.metrics &&
    sliceMetrics(
      deps.metrics,
      MAX_ENDPOINTS,
      () => kept(() => [...slices.all()].filter((slice) => serviceOfSlice(slice, MANAGER) !== undefined)),
      () => kept(() => services.all()),
    );
  let ratios: { readonly of: ZoneRatios | undefined } | undefined;
  const currentRatios = (): ZoneRatios | undefined => (ratios ??= { of: zoneRatios(nodes.all()) }).of;

  /** Keys of Services whose hints do not fit the nodes any more. */
  function* overloaded(node: Node, old: Node | undefined): Iterable<string> {
    if (old && isNodeReady(old) === isNodeReady(node) && zoneOf(old) === zoneOf(node)) return;
    ratios = undefined;
    for (const [key, { counts }] of topologies)
      if ([...counts.values()].some((of) => isOverloaded(of, currentRatios()))) yield key;
  }
  const listen: Listen = {
    ...metrics?.listen,
    onCreated: (slice) => {
      metrics?.listen.onCreated?.(slice);
      writes.note(slice);
    },
    onUpdated: (slice) => {
      metrics?.listen.onUpdated?.(slice);
      writes.note(slice);
    },
  };
  return startController({
    name: 'endpointslice',
    ...deps,
    client,
    recorder,
    limits: LIMITS,
    sources: [
      source(services, (service) => [keyOf(service)]),
      source(pods, servicesOfPod(services)),
      source(nodes, overloaded),
      source(slices, writes.keysOf, SLICE_CHANGES_MS),
    ],
    onActive: () => {
      triggers.clear();
      topologies.clear();
    },
    async sync({ key, execute }) {
      const service = services.get(key);
      if (!service || !hasSelector(service)) {
        triggers.forget(key);
        topologies.delete(key);
        return;
      }
      const selected = [...podsOf(service, pods)];
      const present = [...slices.byIndex(BY_SERVICE, key)].filter((slice) => !slice.metadata.deletionTimestamp);
      const { parts, topology } = reconcile({
        service,
        pods: selected,
        slices: present,
        node: (name) => nodes.get(name),
        ratios: currentRatios,
        topology: topologies.get(key) ?? NO_TOPOLOGY,
        triggered: triggers.next(key, service, selected),
      });
      if (topology.isTold || topology.counts.size > 0) topologies.set(key, topology);
      else topologies.delete(key);
      const failures: { readonly text: string; readonly error: unknown }[] = [];
      for (const { intents, problems, events } of parts) {
        metrics?.changing(service, intents, topology.isTold, present);
        for (const text of problems) failures.push({ text, error: new Error(text) });
        await carryOut(intents, service, execute, listen, (text, error) => failures.push({ text, error }));
        await execute(events);
      }
      metrics?.synced(failures.length > 0);
      if (failures.length === 0) return;
      const { namespace, name } = service.metadata;
      const why = aggregate(failures.map(({ text }) => text));
      recorder.event(service, 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${namespace}/${name}: ${why}`); // prettier-ignore
      throw failures.length === 1 ? failures[0]!.error : new Error(why);
    },
  });
}

/** Up to the first failure, which is told as upstream tells it. */
async function carryOut(
  intents: readonly Intent[],
  service: Service,
  execute: SyncContext['execute'],
  listen: Listen,
  failed: (text: string, error: unknown) => void,
): Promise<void> {
  for (let i = 0; i < intents.length;) {
    const { op } = intents[i]!;
    // Creates and deletes go together, updates one by one.
    let end = i + 1;
    while (op !== 'update' && intents[end]?.op === op) end++;
    try {
      await execute(intents.slice(i, end), listen);
    } catch (error) {
      // It takes nothing new: there is nothing more to do.
      if (op === 'create' && isNamespaceTerminating(error)) return;
      const { namespace, name } = service.metadata;
      const which = op === 'create' ? '' : `${nameOf(intents[i]!)} `;
      const why = error instanceof Error ? error.message : String(error);
      return failed(`failed to ${op} ${which}EndpointSlice for Service ${namespace}/${name}: ${why}`, error); // prettier-ignore
    }
    i = end;
  }
}
const nameOf = (intent: Intent): string =>
  intent.op === 'update' ? intent.object.metadata.name! : intent.op === 'delete' ? intent.name : '';
