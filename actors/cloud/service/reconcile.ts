import type { LoadBalancerStatus, Node, Service, ServicePort } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Intent } from '../../runtime/intent.ts';
import { services } from '../../runtime/resources.ts';

/** Source: k8s.io/cloud-provider/service/helpers LoadBalancerCleanupFinalizer. */
export const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** A class names another implementation. */
export const wantsLoadBalancer = ({ spec }: Service): boolean =>
  spec?.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;
const hasFinalizer = ({ metadata }: Service): boolean => metadata.finalizers?.includes(FINALIZER) === true;
/** What the cloud made for it must go. */
export const needsCleanup = (service: Service): boolean =>
  hasFinalizer(service) && (service.metadata.deletionTimestamp !== undefined || service.spec?.type !== 'LoadBalancer');

/** What of a port a load balancer may go by. */
const portOf = ({ name, protocol, port, nodePort, targetPort, appProtocol }: ServicePort): unknown => [name, protocol, port, nodePort, targetPort, appProtocol]; // prettier-ignore
/** What of a Service a load balancer may go by. Source: controllers/service needsUpdate. */
const relevantOf = ({ metadata, spec }: Service): unknown => [
  spec?.loadBalancerSourceRanges,
  (spec?.ports ?? []).map(portOf),
  spec?.sessionAffinity,
  spec?.sessionAffinityConfig,
  spec?.loadBalancerIP,
  spec?.externalIPs,
  metadata.annotations,
  metadata.uid,
  spec?.externalTrafficPolicy,
  spec?.healthCheckNodePort,
  spec?.ipFamilies?.length,
];
export function needsUpdate(old: Service, service: Service): boolean {
  const [did, does] = [wantsLoadBalancer(old), wantsLoadBalancer(service)];
  if (did !== does) return true;
  return does && !equal(relevantOf(old), relevantOf(service));
}

/** Source: strconv.ParseBool. */
const YES = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const NO = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
/** A label that says neither yes nor no excludes too. */
export function isIncluded({ metadata }: Node): boolean {
  const label = metadata.labels?.[EXCLUDED];
  return label === undefined || (NO.has(label) && !YES.has(label));
}
/** Which nodes are behind load balancers: ready or not, so that one that flaps changes nothing. Source: stableNodeSetPredicates. */
export const isBehind = (node: Node): boolean =>
  node.metadata.deletionTimestamp === undefined &&
  isIncluded(node) &&
  !node.spec?.taints?.some(({ key }) => key === TO_BE_DELETED);
/** Whether load balancers must hear of the change. Source: shouldSyncUpdatedNode. */
export const isNodeNews = (node: Node, old: Node | undefined): boolean =>
  old === undefined || isIncluded(old) !== isIncluded(node) || old.spec?.providerID !== node.spec?.providerID;
/** What of nodes must differ for a load balancer to be told. Source: nodesSufficientlyEqual. */
export const hostsOf = (nodes: readonly Node[]): ReadonlyMap<string, string> =>
  new Map(nodes.map(({ metadata, spec }) => [metadata.name!, spec?.providerID ?? '']));
export const sameHosts = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, id]) => b.get(name) === id);

const MOST_NAMES = 20;
/** As Go prints a list. Source: loggableNodeNames. */
export const namesOf = (nodes: readonly Node[]): string => {
  const names = nodes.slice(0, MOST_NAMES).map(({ metadata }) => metadata.name!);
  const more = nodes.length - MOST_NAMES;
  return `[${[...names.toSorted(), ...(more > 0 ? [`<${more} more>`] : [])].join(' ')}]`;
};

const patchOf = ({ metadata }: Service, patch: Record<string, unknown>, meta: Record<string, unknown> = {}): Intent => ({
  op: 'patch',
  gvr: services,
  namespace: metadata.namespace,
  name: metadata.name!,
  type: 'strategic',
  // Another Service of the same name is not meant.
  patch: { metadata: { uid: metadata.uid, ...meta }, ...patch },
  subresource: 'status',
  tolerate: ['NotFound'],
}); // prettier-ignore
/** Before anything is made: the Service stays until it is gone again. */
export const addFinalizer = (service: Service): readonly Intent[] =>
  hasFinalizer(service)
    ? []
    : [
        patchOf(
          service,
          {},
          {
            finalizers: [FINALIZER],
            '$setElementOrder/finalizers': [...(service.metadata.finalizers ?? []), FINALIZER],
          },
        ),
      ];
/**
 * Lets the Service go, and the address with it, in one write: a finalizer that is gone before the status would leave it
 * there for good if that is when this replica ends.
 */
export function release(service: Service): readonly Intent[] {
  const { finalizers = [] } = service.metadata;
  const present = service.status?.loadBalancer?.ingress ?? [];
  if (!hasFinalizer(service) && present.length === 0) return [];
  const meta = hasFinalizer(service) && {
    '$deleteFromPrimitiveList/finalizers': [FINALIZER],
    '$setElementOrder/finalizers': finalizers.filter((name) => name !== FINALIZER),
  };
  const status = present.length > 0 && { status: { loadBalancer: { ingress: null } } };
  return [patchOf(service, { ...status }, { ...meta })];
}
export function tellStatus(service: Service, status: LoadBalancerStatus): readonly Intent[] {
  if (equal(service.status?.loadBalancer?.ingress, status.ingress)) return [];
  const ingress = status.ingress?.length ? status.ingress : null;
  return [patchOf(service, { status: { loadBalancer: { ingress } } })];
}
export const event = (
  regarding: Service,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): Intent => ({ op: 'event', type, regarding, reason, message }); // prettier-ignore
