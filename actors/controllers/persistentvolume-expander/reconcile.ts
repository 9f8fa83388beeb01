import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { driverOfPlugin, migratedPluginOf } from '../../../schemas/helpers/volume-plugins.ts';
import { requestedSize } from '../../../schemas/helpers/volume-binding.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import type { Intent } from '../../runtime/intent.ts';
import { persistentVolumeClaims } from '../../runtime/resources.ts';

const PRE_RESIZE = 'volume.alpha.kubernetes.io/pre-resize-capacity';
/** Tells a driver's resizer that the claim is its own. */
const RESIZER = 'volume.kubernetes.io/storage-resizer';

const capacityOf = ({ status }: PersistentVolumeClaim): string => String(status?.capacity?.['storage'] ?? '0');

/** Whether a change of the claim is one that asks for a larger volume, or that says it has grown. */
export const hasGrown = (claim: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean =>
  compareQuantities(requestedSize(claim), requestedSize(old)) > 0 ||
  compareQuantities(capacityOf(claim), capacityOf(old)) > 0;

/**
 * Says who is to make a claim's volume larger: none of Kubernetes' own plugins can any more. Pure.
 * Source: pkg/controller/volume/expand syncHandler. (Volumes of FlexVolume drivers are told like all others.)
 */
export function expand(claim: PersistentVolumeClaim, volume: PersistentVolume): readonly Intent[] {
  const { claimRef } = volume.spec ?? {};
  if (claimRef?.uid !== claim.metadata.uid || claimRef?.namespace !== claim.metadata.namespace) return [];
  const wants = compareQuantities(requestedSize(claim), capacityOf(claim)) > 0;
  if (!wants && volume.metadata.annotations?.[PRE_RESIZE] === undefined) return [];
  const event = (message: string): Intent => ({
    op: 'event',
    type: 'Normal',
    regarding: claim,
    reason: 'ExternalExpanding',
    message,
  });
  const plugin = migratedPluginOf(volume.spec!);
  if (plugin === undefined) return [event('waiting for an external controller to expand this PVC')];
  const told = event(`CSI migration enabled for ${plugin}; waiting for external resizer to expand the pvc`);
  const { name, namespace, uid, resourceVersion, annotations } = claim.metadata;
  const driver = driverOfPlugin(plugin)!;
  if (annotations?.[RESIZER] === driver) return [told];
  const patch = { metadata: { uid, resourceVersion, annotations: { [RESIZER]: driver } } };
  return [told, { op: 'patch', gvr: persistentVolumeClaims, namespace, name: name!, type: 'strategic', patch, subresource: 'status' }];
} // prettier-ignore
