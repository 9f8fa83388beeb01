import type { Node, NodeAddress } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes } from '../../runtime/resources.ts';
import type { InstanceMetadata } from '../provider.ts';
import { addressesFor, wishedFirst } from './addresses.ts';
import { additionalLabels, followingLabels, regionLabels, typeLabels, zoneLabels } from './labels.ts';

/** Kubelets of a cloud's nodes register with it. Source: k8s.io/cloud-provider/api TaintExternalCloudProvider. */
export const UNINITIALIZED = 'node.cloudprovider.kubernetes.io/uninitialized';

export const isInitialized = ({ spec }: Node): boolean =>
  spec?.taints?.some(({ key }) => key === UNINITIALIZED) !== true;

/**
 * Makes a fresh node one of the cloud's: its provider ID, labels and addresses, and pods may come. Throws where the cloud
 * has no ID for it, or does not know the address that it wants. Source: controllers/node syncNode.
 */
export function initialize(node: Node, told: InstanceMetadata): readonly Intent[] {
  const { name, labels = {} } = node.metadata;
  const providerID = node.spec?.providerID || told.providerID;
  if (!providerID) throw new Error(`failed to get instance metadata for node ${name}: cloud provider does not set node provider ID for node ${name}`); // prettier-ignore
  try {
    wishedFirst(node, told.addresses);
  } catch (error) {
    throw new Error(`failed to get node modifiers from cloud provider: provided node ip for node "${name}" is not valid: ${(error as Error).message}`, { cause: error }); // prettier-ignore
  }
  const object: Node = {
    ...node,
    metadata: {
      ...node.metadata,
      labels: {
        ...labels,
        ...(told.instanceType && typeLabels(told.instanceType)),
        ...(told.zone && zoneLabels(told.zone)),
        ...(told.region && regionLabels(told.region)),
        ...additionalLabels(told.additionalLabels, labels),
      },
    },
    spec: { ...node.spec, providerID, taints: node.spec?.taints?.filter(({ key }) => key !== UNINITIALIZED) },
  };
  return [
    { op: 'update', gvr: nodes, object },
    ...reportAddresses(object, told.addresses),
    { op: 'event', type: 'Normal', regarding: node, reason: 'Synced', message: 'Node synced successfully' },
  ];
}
/** Throws where the cloud does not know the address that the node wants. Source: controllers/node updateNodeAddress. */
export function reportAddresses(node: Node, told: readonly NodeAddress[]): readonly Intent[] {
  const addresses = addressesFor(node, told);
  if (addresses === undefined) return [];
  // One entry a type is all that a strategic patch could keep: the list is replaced.
  const patch = { metadata: { uid: node.metadata.uid }, status: { addresses: [{ $patch: 'replace' }, ...addresses] } };
  return [{ op: 'patch', gvr: nodes, namespace: undefined, name: node.metadata.name!, type: 'strategic', patch, subresource: 'status' }]; // prettier-ignore
}
/** Of a node that is the cloud's already. */
export function relabel(node: Node): readonly Intent[] {
  const labels = followingLabels(node);
  if (Object.keys(labels).length === 0) return [];
  return [{ op: 'patch', gvr: nodes, namespace: undefined, name: node.metadata.name!, type: 'strategic', patch: { metadata: { labels } }, tolerate: ['NotFound'] }]; // prettier-ignore
}
