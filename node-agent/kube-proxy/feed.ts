import type { World } from '../../bus/world.ts';
import type { Node } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import type { ServiceCIDR } from '../../schemas/generated/networking-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createInformer, type Informer, type Selection } from '../../actors/runtime/informer.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { timeOf } from '../../actors/runtime/time.ts';
import { TRIGGER_TIME } from '../../actors/runtime/trigger-times.ts';
import type { KubeProxyMetrics } from './metrics.ts';
import { byFamily, isSameSettings, nodeView, type NodeOptions, type NodeView } from './node-view.ts';
import { sliceFacts, type SliceFacts } from './plan/facts.ts';
import { Plan } from './plan/plan.ts';
import type { ProxySettings } from './settings.ts';
import { watchServices, type WatchedService } from './watched-services.ts';

/** What is kept of a slice: what rules are made of. */
type KeptSlice = KubeObject & { readonly facts: SliceFacts | undefined };
const kept = ({ apiVersion, kind, metadata }: KubeObject, facts: SliceFacts | undefined): KeptSlice => {
  const { name, namespace, uid, resourceVersion, annotations } = metadata;
  const trigger = annotations?.[TRIGGER_TIME];
  const bare = { name, namespace, uid, resourceVersion };
  return { apiVersion, kind, metadata: trigger === undefined ? bare : { ...bare, annotations: { [TRIGGER_TIME]: trigger } }, facts }; // prettier-ignore
};

/** What the cluster says of Services and of this node, as it comes in. */
export interface Feed {
  readonly plan: Plan;
  readonly view: NodeView;
  /** Of the node and the cluster, as rules are to have it. */
  readonly settings: ProxySettings;
  /** All has come once that there is; the node may not be there yet. */
  readonly isKnown: boolean;
  readonly known: Promise<void>;
  /** When what is not written yet happened, in milliseconds since the epoch; whoever writes it takes it out. */
  readonly triggers: number[];
  stop(): void;
}
/** `changed`: after each batch of news that concern rules. Source: cmd/kube-proxy/app Run. */
export function createFeed(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly node: NodeOptions;
  readonly metrics: KubeProxyMetrics;
  readonly inspection: Inspection | undefined;
  /** As `watchServices` keeps them, by who ends it; default: a watch of its own. */
  readonly services?: Informer<WatchedService> | undefined;
  readonly changed: () => void;
}): Feed {
  const { world, client, node, inspection } = o;
  const { nodeName } = node;
  const plan = new Plan();
  const startedAt = world.clock.now();
  const cidrs = new Map<string, readonly string[]>();
  const triggers: number[] = [];
  let view = nodeView(undefined, node);
  let settings: ProxySettings = { ...view.settings, serviceCidrs: { 4: [], 6: [] } };
  let isRead = true;

  const informers: Informer<KubeObject>[] = [];
  const keep = <T extends KubeObject>(gvr: typeof resources.services, selection: Selection, transform?: (object: T) => T): Informer<T> => {
    const informer = createInformer<T>({ client, world, gvr, selection, inspection, transform });
    informers.push(informer);
    return informer;
  }; // prettier-ignore
  const batch = (): void => {
    if (isRead && !plan.hasChanges) return;
    isRead = true;
    o.changed();
  };
  const services = o.services ?? watchServices({ client, world, inspection });
  if (o.services === undefined) informers.push(services);
  const putService = ({ facts, metadata: { namespace, name } }: WatchedService): void => {
    o.metrics.serviceChanged();
    if (facts !== undefined) plan.putService(facts);
    else plan.dropService(`${namespace}/${name}`);
  };
  const leaveServices = services.on({
    add: putService,
    update: putService,
    delete: ({ metadata: { namespace, name } }) => {
      o.metrics.serviceChanged();
      plan.dropService(`${namespace}/${name}`);
    },
    batch,
  });
  const slices = keep<KeptSlice>(
    resources.endpointSlices,
    { labelSelector: '!service.kubernetes.io/headless' },
    (slice) => kept(slice, sliceFacts(slice as unknown as EndpointSlice, nodeName)),
  );
  const putSlice = (slice: KeptSlice, old?: KeptSlice): void => {
    o.metrics.endpointsChanged();
    // It may be another Service's now.
    if (old?.facts !== undefined && old.facts.service !== slice.facts?.service) plan.dropSlice(old.facts);
    if (slice.facts === undefined) return;
    plan.putSlice(slice.facts);
    const at = timeOf(slice.metadata.annotations?.[TRIGGER_TIME]);
    if (at !== undefined && at > startedAt) triggers.push(at);
  };
  slices.on({
    add: (slice) => putSlice(slice),
    update: putSlice,
    delete: ({ facts }) => {
      o.metrics.endpointsChanged();
      if (facts !== undefined) plan.dropSlice(facts);
    },
    batch,
  });
  const newSettings = (): void => {
    const now: ProxySettings = { ...view.settings, serviceCidrs: byFamily([...cidrs.values()].flat()) };
    // A node says that it is there every now and then, and nothing else.
    if (isSameSettings(now, settings)) return;
    settings = now;
    isRead = false;
  };
  const seeNode = (seen: Node | undefined): void => {
    view = nodeView(seen, node);
    plan.setZone(view.zone);
    newSettings();
  };
  keep<Node>(resources.nodes, { fieldSelector: `metadata.name=${nodeName}` }, ({ apiVersion, kind, metadata, spec, status }) => ({
    apiVersion, kind, metadata: { ...metadata, managedFields: undefined, annotations: undefined }, spec, status: { addresses: status?.addresses },
  })).on({ add: seeNode, update: seeNode, delete: () => seeNode(undefined), batch }); // prettier-ignore
  const seeCidr = ({ metadata, spec }: ServiceCIDR): void => {
    cidrs.set(metadata.name!, spec?.cidrs ?? []);
    newSettings();
  };
  keep<ServiceCIDR>(resources.serviceCidrs, {}).on({
    add: seeCidr,
    update: seeCidr,
    delete: ({ metadata }) => {
      cidrs.delete(metadata.name!);
      newSettings();
    },
    batch,
  });

  return {
    plan,
    get view() {
      return view;
    },
    get settings() {
      return settings;
    },
    get isKnown() {
      return services.hasSynced && informers.every(({ hasSynced }) => hasSynced);
    },
    known: Promise.all([services, ...informers].map(({ synced }) => synced)).then(() => undefined),
    triggers,
    stop() {
      leaveServices();
      for (const informer of informers) informer.stop();
    },
  };
}
