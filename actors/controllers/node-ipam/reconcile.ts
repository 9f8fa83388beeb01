import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes } from '../../runtime/resources.ts';

export const lacksCidrs = ({ metadata, spec }: Node): boolean =>
  metadata.deletionTimestamp === undefined && !spec?.podCIDR && !spec?.podCIDRs?.length;

/** Source: pkg/controller/nodeipam/ipam range_allocator updateCIDRsAllocation. */
export function assign({ metadata: { name, uid } }: Node, cidrs: readonly string[]): Intent {
  const patch = { metadata: { uid }, spec: { podCIDR: cidrs[0], podCIDRs: cidrs } };
  return { op: 'patch', gvr: nodes, namespace: undefined, name: name!, type: 'merge', patch, tolerate: ['NotFound'] };
}
/** Source: pkg/controller/util/node RecordNodeStatusChange. */
export const told = (node: Node, reason: 'CIDRNotAvailable' | 'CIDRAssignmentFailed'): Intent => ({
  op: 'event',
  type: 'Normal',
  regarding: node,
  reason,
  message: `Node ${node.metadata.name} status is now: ${reason}`,
});
