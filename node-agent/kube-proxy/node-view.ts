import type { Node, ObjectReference } from '../../schemas/generated/core-v1.ts';
import { addressOf, rangeOf, type Family } from './plan/address.ts';
import type { ProxySettings } from './settings.ts';

/** What a proxy has to know of the node that it runs on. */
export interface NodeView {
  readonly settings: Omit<ProxySettings, 'serviceCidrs'>;
  readonly zone: string | undefined;
  /** Whether load balancers may send here. Source: pkg/proxy/healthcheck NodeEligible. */
  readonly isEligible: boolean;
  readonly reference: ObjectReference;
}
/** Source: pkg/proxy/healthcheck ToBeDeletedTaint. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';
const ZONE = 'topology.kubernetes.io/zone';

export interface NodeOptions {
  readonly nodeName: string;
  /** At which of its addresses the node answers node ports: those that the Node says (default), or all it has. */
  readonly nodePorts?: 'primary' | 'all' | undefined;
  readonly masqueradeAll?: boolean | undefined;
}
/** `node`: undefined while there is none, or nobody knows. */
export function nodeView(node: Node | undefined, o: NodeOptions): NodeView {
  const addresses = (node?.status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP' || type === 'ExternalIP')
    .toSorted((a, b) => Number(a.type !== 'InternalIP') - Number(b.type !== 'InternalIP'))
    .flatMap(({ address }) => addressOf(address) ?? []);
  // Source: pkg/util/node GetNodeHostIPs: the first of each family.
  const nodeIPs: Partial<Record<Family, string>> = {};
  for (const { family, text } of addresses) nodeIPs[family] ??= text;
  const primary = Object.values(nodeIPs);
  return {
    settings: {
      podCidrs: byFamily(node?.spec?.podCIDRs ?? (node?.spec?.podCIDR ? [node.spec.podCIDR] : [])),
      nodePortIPs: o.nodePorts === 'all' || primary.length === 0 ? undefined : primary,
      nodeIPs,
      masqueradeAll: o.masqueradeAll ?? false,
    },
    zone: node?.metadata.labels?.[ZONE],
    isEligible:
      node !== undefined &&
      node.metadata.deletionTimestamp === undefined &&
      !(node.spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED),
    reference: { kind: 'Node', name: o.nodeName, uid: o.nodeName, apiVersion: 'v1' },
  };
}
export function byFamily(cidrs: readonly string[]): Record<Family, readonly string[]> {
  const ranges = cidrs.flatMap((text) => rangeOf(text) ?? []);
  const of = (family: Family): string[] => ranges.flatMap((range) => (range.family === family ? range.text : []));
  return { 4: of(4), 6: of(6) };
}
export const isSameSettings = (a: ProxySettings, b: ProxySettings): boolean => JSON.stringify(a) === JSON.stringify(b);
