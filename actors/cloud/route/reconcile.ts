import type { Node, NodeAddress, NodeCondition } from '../../../schemas/generated/core-v1.ts';
import { parseCidr, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes as nodesResource } from '../../runtime/resources.ts';
import type { Route } from '../provider.ts';

/** What to do about the routes of all nodes, the removals first. Source: controllers/route reconcile. */
export interface RoutePlan {
  readonly remove: readonly Route[];
  readonly create: readonly { readonly node: Node; readonly route: Route }[];
  /** Nodes whose condition tells whether all their routes are there. */
  readonly judged: readonly Node[];
}
const cidrsOf = ({ spec }: Node): readonly string[] => spec?.podCIDRs ?? (spec?.podCIDR ? [spec.podCIDR] : []);
const sameAddresses = (a: readonly NodeAddress[], b: readonly NodeAddress[]): boolean =>
  a.length === b.length && a.every((x) => b.some((y) => x.type === y.type && x.address === y.address));

/** `clusterCidrs`: other routes of the cloud are none of ours. */
export function planRoutes(
  nodes: readonly Node[],
  routes: readonly Route[],
  clusterCidrs: readonly string[],
): RoutePlan {
  const byNode = Map.groupBy(routes, ({ targetNode }) => targetNode);
  const kept = new Set<Route>();
  const create: { node: Node; route: Route }[] = [];
  for (const node of nodes) {
    const name = node.metadata.name!;
    const addresses = node.status?.addresses ?? [];
    for (const destination of cidrsOf(node)) {
      const present = byNode.get(name)?.find((route) => route.destination === destination);
      const isRight = present && (!present.targetAddresses || sameAddresses(addresses, present.targetAddresses));
      if (isRight) for (const route of byNode.get(name)!) if (route.destination === destination) kept.add(route);
      if (!isRight) create.push({ node, route: { name: '', targetNode: name, targetAddresses: addresses, destination } });
    }
  }
  const ranges = clusterCidrs.flatMap((cidr) => parseCidr(cidr) ?? []);
  return {
    remove: routes.filter((route) => touches(route.destination, ranges) && (route.isBlackhole === true || !kept.has(route))),
    create,
    judged: nodes.filter((node) => cidrsOf(node).length > 0 || byNode.has(node.metadata.name!)),
  };
} // prettier-ignore
/** Begins or ends in one of these; what is no range is nobody's. Source: controllers/route isResponsibleForRoute. */
function touches(destination: string, ranges: readonly Cidr[]): boolean {
  const cidr = parseCidr(destination);
  if (cidr === undefined) return false;
  const size = (bits: number, family: 4 | 6): bigint => 1n << BigInt((family === 4 ? 32 : 128) - bits);
  const last = cidr.base + size(cidr.bits, cidr.family) - 1n;
  return ranges.some(
    ({ family, base, bits }) =>
      family === cidr.family &&
      [cidr.base, last].some((ip) => ip >= base && ip < base + size(bits, family)),
  );
} // prettier-ignore

/** A node is reachable when each of its ranges has a route; `failed`: names of those of whom one has none. */
export const hasAllRoutes = (node: Node, failed: ReadonlySet<string>): boolean =>
  cidrsOf(node).length > 0 && !failed.has(node.metadata.name!);

/** Source: controllers/route updateNetworkingCondition. */
export function tellReachable(node: Node, isReachable: boolean, now: number): readonly Intent[] {
  const status = isReachable ? 'False' : 'True';
  const reason = isReachable ? 'RouteCreated' : 'NoRouteCreated';
  const present = node.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
  if (present?.status === status && present.reason === reason) return [];
  const at = formatTime(now);
  const condition: NodeCondition = {
    type: 'NetworkUnavailable',
    status,
    reason,
    message: isReachable ? 'RouteController created a route' : 'RouteController failed to create a route',
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  };
  return [{ op: 'patch', gvr: nodesResource, namespace: undefined, name: node.metadata.name!, type: 'strategic', patch: { status: { conditions: [condition] } }, subresource: 'status', tolerate: ['NotFound'] }]; // prettier-ignore
}
/** Source: controllers/route reconcile, text of FailedToCreateRoute; times as Go writes them, to the millisecond. */
export function creationFailed({ node, route }: RoutePlan['create'][number], error: Error, ms: number): Intent {
  const { name, uid } = node.metadata;
  const after = ms < 1_000 ? `${ms}ms` : `${ms / 1_000}s`;
  return {
    op: 'event',
    type: 'Warning',
    regarding: { apiVersion: 'v1', kind: 'Node', metadata: { name: name!, uid: uid! } },
    reason: 'FailedToCreateRoute',
    message: `Could not create route ${uid} ${route.destination} for node ${name} after ${after}: ${error.message}`,
  };
}
