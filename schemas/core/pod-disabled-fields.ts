import type { Pod, PodSpec, PodTemplateSpec } from '../generated/core-v1.ts';
import { fieldPath } from '../meta/field.ts';
import { containersOf } from './pod-containers.ts';

/**
 * Drops what belongs to features that are off by default (ContainerStopSignals, ClusterTrustBundleProjection,
 * PodCertificateRequest, GenericWorkload). It can then never be in use already, so the old object need not be asked.
 * Source: pkg/api/pod util.go dropDisabledFields.
 */
export function dropDisabledFields(spec: PodSpec | undefined): void {
  if (!spec) return;
  delete spec.schedulingGroup;
  for (const [container] of containersOf(spec, fieldPath())) {
    const { lifecycle } = container;
    if (lifecycle?.stopSignal === undefined) continue;
    delete lifecycle.stopSignal;
    if (Object.keys(lifecycle).length === 0) delete container.lifecycle;
  }
  for (const { projected } of spec.volumes ?? [])
    for (const source of projected?.sources ?? []) {
      delete source.clusterTrustBundle;
      delete source.podCertificate;
    }
}
/** Of every kind that makes pods; for its prepareForCreate and prepareForUpdate. Source: DropDisabledTemplateFields. */
export const dropDisabledTemplateFields = (template: PodTemplateSpec | undefined): void =>
  dropDisabledFields(template?.spec);
/** ImageVolumeWithDigest, DRANodeAllocatableResources. Source: dropDisabledPodStatusFields. */
export function dropDisabledStatusFields({ status }: Pod): void {
  if (!status) return;
  delete status.nodeAllocatableResourceClaimStatuses;
  for (const list of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const)
    for (const { volumeMounts } of status[list] ?? [])
      for (const mount of volumeMounts ?? []) delete mount.volumeStatus;
}
