import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { nodes } from '../../runtime/resources.ts';

export interface CidrPlan {
  /** `10.244.0.0/16`. IPv4. */
  readonly cluster: string;
  /** Bits of a node's part: 24. */
  readonly nodeMask: number;
}
const toNumber = (ip: string): number => ip.split('.').reduce((n, part) => n * 256 + Number(part), 0);
const toIp = (n: number): string => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');

/** How many parts the plan has; throws on a plan that makes no sense. */
export function countOf({ cluster, nodeMask }: CidrPlan): number {
  const mask = Number(cluster.split('/')[1]);
  if (!(mask >= 8 && nodeMask >= mask && nodeMask <= 30)) throw new Error(`no /${nodeMask} fits into ${cluster}`);
  return 2 ** (nodeMask - mask);
}
export const cidrAt = ({ cluster, nodeMask }: CidrPlan, index: number): string =>
  `${toIp(toNumber(cluster.split('/')[0]!) + index * 2 ** (32 - nodeMask))}/${nodeMask}`;
/** Index of a part of the plan; undefined for what lies outside. */
export function indexOf(plan: CidrPlan, cidr: string): number | undefined {
  const index = Math.floor((toNumber(cidr.split('/')[0]!) - toNumber(plan.cluster.split('/')[0]!)) / 2 ** (32 - plan.nodeMask)); // prettier-ignore
  return index >= 0 && index < countOf(plan) ? index : undefined;
}
export interface Observed {
  readonly node: Node;
  /** Indexes that other nodes have. */
  readonly used: ReadonlySet<number>;
  readonly plan: CidrPlan;
}
/** Gives a node the lowest free part of the cluster's range for its pods. Source: pkg/controller/nodeipam/ipam range_allocator. */
export function reconcile({ node, used, plan }: Observed): Decision {
  if (node.spec?.podCIDR || node.metadata.deletionTimestamp) return { intents: [] };
  const total = countOf(plan);
  let index = 0;
  while (used.has(index)) index++;
  const { name, resourceVersion } = node.metadata;
  if (index >= total)
    return {
      intents: [{ op: 'event', type: 'Normal', regarding: node, reason: 'CIDRNotAvailable', message: `Node ${name} status is now: CIDRNotAvailable` }],
    }; // prettier-ignore
  const cidr = cidrAt(plan, index);
  const patch = { metadata: { resourceVersion }, spec: { podCIDR: cidr, podCIDRs: [cidr] } };
  return { intents: [{ op: 'patch', gvr: nodes, namespace: undefined, name: name!, type: 'merge', patch, tolerate: ['NotFound'] }] }; // prettier-ignore
}
