import type { Node, Taint } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes } from '../../runtime/resources.ts';

/** Source: k8s.io/cloud-provider/api TaintNodeShutdown. */
export const SHUTDOWN = 'node.cloudprovider.kubernetes.io/shutdown';

const isShutdown = (taint: Taint): boolean => taint.key === SHUTDOWN && taint.effect === 'NoSchedule';
export const isReady = ({ status }: Node): boolean =>
  status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
export const isMarked = ({ spec }: Node): boolean => spec?.taints?.some(isShutdown) === true;

/** A node that is ready runs, whatever the cloud said before. */
export const unmark = (node: Node): readonly Intent[] =>
  isMarked(node)
    ? [
        retaint(
          node,
          node.spec!.taints!.filter((taint) => !isShutdown(taint)),
        ),
      ]
    : [];
export const mark = (node: Node): readonly Intent[] =>
  isMarked(node) ? [] : [retaint(node, [...(node.spec?.taints ?? []), { key: SHUTDOWN, effect: 'NoSchedule' }])];

/** The whole list is written, and only over the one that was read. */
function retaint({ metadata: { name, resourceVersion } }: Node, taints: readonly Taint[]): Intent {
  const patch = { metadata: { resourceVersion }, spec: { taints: taints.length > 0 ? taints : null } };
  return { op: 'patch', gvr: nodes, namespace: undefined, name: name!, type: 'merge', patch, tolerate: ['NotFound'] };
}

const referenceTo = ({ metadata: { name, uid } }: Node): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: name!, uid: uid! } }); // prettier-ignore

/** A node whose instance is no more. Source: controllers/nodelifecycle MonitorNodes. */
export const remove = (node: Node): readonly Intent[] => {
  const { name, uid } = node.metadata;
  return [
    { op: 'event', type: 'Normal', regarding: referenceTo(node), reason: 'DeletingNode', message: `Deleting node ${name} because it does not exist in the cloud provider` },
    { op: 'delete', gvr: nodes, namespace: undefined, name: name!, uid },
  ];
}; // prettier-ignore
export const removalFailed = (node: Node, error: Error): Intent => ({
  op: 'event',
  type: 'Warning',
  regarding: referenceTo(node),
  reason: 'DeletingNodeFailed',
  message: `Failed deleting node ${node.metadata.name}: ${error.message}`,
});
