import type { Node, Pod, Service } from '../../../schemas/generated/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { portsKey, removeSlice, type AddressType } from '../../runtime/endpoint-slices.ts';
import type { Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { endpointSlices } from '../../runtime/resources.ts';
import { withTriggerTime } from '../../runtime/trigger-times.ts';
import { addressTypesOf, desiredOf, labelsOf, repeatsLabels, type Group } from './desired.ts';
import { distribute } from './distribute.ts';
import { isDistribution, preferClose, withoutHints, type Hinted, type Outcome } from './hints.ts';
import { topologyHints, wantsTopology, type ZoneCounts, type ZoneRatios } from './topology.ts';

/** Source: kube-controller-manager --max-endpoints-per-slice. */
export const MAX_ENDPOINTS = 100;

/** What a Service's hints gave to each zone because its annotation wants that. */
export interface Topology {
  /** Whether its users were told that there are hints. */
  readonly isTold: boolean;
  readonly counts: ReadonlyMap<AddressType, ZoneCounts>;
}
export const NO_TOPOLOGY: Topology = { isTold: false, counts: new Map() };
export interface Observed {
  readonly service: Service;
  /** Selected by the Service. */
  readonly pods: readonly Pod[];
  /** This controller's, of the Service. */
  readonly slices: readonly EndpointSlice[];
  readonly node: (name: string) => Node | undefined;
  readonly ratios: () => ZoneRatios | undefined;
  readonly topology: Topology;
  /** When what led here happened. */
  readonly triggered?: string | undefined;
  readonly maxEndpoints?: number | undefined;
}
/** What is done for one address type; what fails for one does not keep the other from being done. */
export interface Part {
  readonly intents: readonly Intent[];
  /** Why the whole is to be tried again though all of this succeeds. */
  readonly problems: readonly string[];
  readonly events: readonly Intent[];
}
export interface Reconciled {
  readonly parts: readonly Part[];
  readonly topology: Topology;
}

/**
 * Where a Service's pods are, in slices of at most 100 endpoints with the same ports; as few slices are written as
 * possible, because each write goes to every node. Source: k8s.io/endpointslice Reconciler.
 */
export function reconcile(observed: Observed): Reconciled {
  const types = addressTypesOf(observed.service);
  const others = observed.slices.filter((slice) => !types.includes(slice.addressType as AddressType));
  let { topology } = observed;
  const parts = types.map((type): Part => {
    const made = ofType(observed, type, topology);
    topology = made.topology;
    return made.part;
  });
  if (others.length > 0) parts.push({ intents: others.map(removeSlice), problems: [], events: [] });
  const counts = new Map([...topology.counts].filter(([type]) => types.includes(type)));
  return { parts, topology: { ...topology, counts } };
}

/** A slice that is to be written; of a new one there is nothing yet. */
interface Write {
  readonly slice: EndpointSlice | undefined;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}
function ofType(observed: Observed, type: AddressType, topology: Topology): { part: Part; topology: Topology } {
  const { service, pods, node, maxEndpoints = MAX_ENDPOINTS } = observed;
  const { groups, problems } = desiredOf(service, pods, type, node);
  const slices = observed.slices.filter((slice) => slice.addressType === type);
  const plan = planOf(service, slices, groups, maxEndpoints);
  const { creates, updates, deletes } = plan;

  const written = new Set([...updates.map(({ slice }) => slice), ...deletes]);
  const outcome: Outcome = {
    changed: [...creates, ...updates].map(({ endpoints }) => endpoints),
    unchanged: slices.filter((slice) => !written.has(slice)),
  };
  const hinted = hintsOf(observed, type, outcome, topology);
  const [made, changed] = [[] as Write[], [] as Write[]];
  for (const [i, write] of [...creates, ...updates].entries())
    (i < creates.length ? made : changed).push({ ...write, endpoints: hinted.hints.changed[i]! });
  for (const { slice, endpoints } of hinted.hints.also)
    changed.push({ slice, ports: slice.ports ?? [], endpoints });
  const part = { intents: intentsOf(observed, type, made, changed, deletes), problems, events: hinted.events };
  return { part, topology: hinted.topology };
} // prettier-ignore

function planOf(
  service: Service,
  slices: readonly EndpointSlice[],
  groups: ReadonlyMap<string, Group>,
  max: number,
): { readonly creates: readonly Write[]; readonly updates: readonly Write[]; readonly deletes: EndpointSlice[] } {
  const creates: Write[] = [];
  const updates: Write[] = [];
  const deletes: EndpointSlice[] = [];
  const present = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = portsKey(slice.ports);
    if (!isOwned(slice, service) || !groups.has(key)) deletes.push(slice);
    else present.set(key, [...(present.get(key) ?? []), slice]);
  }
  for (const [key, { ports, endpoints }] of groups) {
    const has = (slice: EndpointSlice): boolean => repeatsLabels(slice, service);
    const { updates: filled, deletes: emptied, fresh } = distribute(present.get(key) ?? [], endpoints, has, max);
    for (const update of filled) updates.push({ ...update, ports: update.slice.ports ?? [] });
    deletes.push(...emptied);
    for (const list of fresh) creates.push({ slice: undefined, ports, endpoints: list });
  }
  if (deletes.length === slices.length && creates.length === 0) {
    // No endpoints: one empty slice says so, lest nobody can tell from "not computed yet".
    const placeholder = deletes.findIndex((slice) => isPlaceholder(slice, service));
    if (placeholder >= 0) deletes.splice(placeholder, 1);
    else creates.push({ slice: undefined, ports: [], endpoints: [] });
  }
  return { creates, updates, deletes };
}
const isOwned = ({ metadata }: EndpointSlice, service: Service): boolean =>
  metadata.ownerReferences?.some(
    ({ uid, kind, apiVersion }) => uid === service.metadata.uid && kind === 'Service' && apiVersion === 'v1',
  ) ?? false;
const isPlaceholder = (slice: EndpointSlice, service: Service): boolean =>
  !slice.endpoints?.length &&
  !slice.ports?.length &&
  isOwned(slice, service) &&
  equal(slice.metadata.labels, labelsOf(service));

/** Source: k8s.io/endpointslice reconcileByAddressType, its second half. */
function hintsOf(
  { service, ratios }: Observed,
  type: AddressType,
  outcome: Outcome,
  { isTold, counts }: Topology,
): { readonly hints: Hinted; readonly events: readonly Intent[]; readonly topology: Topology } {
  const rest = new Map([...counts].filter(([of]) => of !== type));
  const tell = (kind: 'Normal' | 'Warning', what: 'Enabled' | 'Disabled', why: string): Intent => ({
    op: 'event',
    type: kind,
    regarding: service,
    reason: `TopologyAwareHints${what}`,
    message: `${why}, addressType: ${type}`,
  });
  if (wantsTopology(service.metadata.annotations)) {
    const found = topologyHints(outcome, ratios());
    if (typeof found === 'string')
      return {
        hints: withoutHints(outcome),
        events: [tell('Warning', 'Disabled', found)],
        topology: { isTold: false, counts: rest },
      };
    const events = isTold ? [] : [tell('Normal', 'Enabled', 'Topology Aware Hints has been enabled')];
    return { hints: found.hinted, events, topology: { isTold: true, counts: rest.set(type, found.counts) } };
  }
  const events = isTold ? [tell('Warning', 'Disabled', 'Topology Aware Hints has been disabled')] : [];
  const { trafficDistribution } = service.spec ?? {};
  const hints = isDistribution(trafficDistribution) ? preferClose(outcome, trafficDistribution) : withoutHints(outcome);
  return { hints, events, topology: { isTold: false, counts: rest } };
}

/** Source: k8s.io/endpointslice finalize. */
function intentsOf(
  { service, triggered }: Observed,
  type: AddressType,
  creates: Write[],
  updates: Write[],
  deletes: readonly EndpointSlice[],
): readonly Intent[] {
  const labels = labelsOf(service);
  const owner = [controllerReference({ ...service, apiVersion: 'v1', kind: 'Service' })];
  const left: EndpointSlice[] = [];
  const objects = updates.map(({ slice, endpoints }): EndpointSlice => {
    const { metadata } = slice!;
    return { ...slice!, metadata: { ...metadata, labels, annotations: withTriggerTime(metadata.annotations, triggered) }, endpoints };
  });
  for (const slice of deletes) {
    const made = isOwned(slice, service) ? creates.pop() : undefined;
    if (!made) {
      left.push(slice);
      continue;
    }
    // Taking over a slice that would go is one write instead of two.
    const metadata = { ...slice.metadata, labels, annotations: withTriggerTime(undefined, triggered), ownerReferences: owner };
    objects.push({ ...slice, metadata, endpoints: made.endpoints, ports: [...made.ports] });
  }
  // The garbage collector is about to take those of a Service that goes.
  const isGoing = service.metadata.deletionTimestamp !== undefined;
  const news = (isGoing ? [] : creates).map(({ ports, endpoints }): EndpointSlice => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      labels,
      annotations: withTriggerTime(undefined, triggered),
      ownerReferences: owner,
    },
    addressType: type,
    endpoints,
    ports: [...ports],
  }));
  return [
    ...news.map((object): Intent => ({ op: 'create', gvr: endpointSlices, object })),
    ...objects.map((object): Intent => ({ op: 'update', gvr: endpointSlices, object })),
    ...left.map(removeSlice),
  ];
} // prettier-ignore
