import type { Pod } from '../../../schemas/generated/core-v1.ts';

/** The first kind of API object that a pod names, as refusals call it; undefined: none. Source: podutil HasAPIObjectReference. */
export function apiReferenceOf(pod: Pod): string | undefined {
  const spec = pod.spec;
  if (spec === undefined) return undefined;
  if (spec.serviceAccountName) return 'serviceaccounts';
  if ((spec.imagePullSecrets ?? []).length > 0) return 'secrets';
  for (const container of [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ]) {
    for (const e of container.envFrom ?? []) {
      if (e.secretRef !== undefined) return 'secrets';
      if (e.configMapRef !== undefined) return 'configmaps';
    }
    for (const e of container.env ?? []) {
      if (e.valueFrom?.secretKeyRef !== undefined) return 'secrets';
      if (e.valueFrom?.configMapKeyRef !== undefined) return 'configmaps';
    }
  }
  if ((spec.resourceClaims ?? []).length > 0) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    if (volume.configMap !== undefined) return 'configmaps (via configmap volume)';
    if (volume.persistentVolumeClaim !== undefined) return 'persistentvolumeclaims';
    if (volume.ephemeral !== undefined) return 'persistentvolumeclaims (via ephemeral volume)';
    if (volume.secret !== undefined) return 'secrets (via secret volume)';
    if (volume.csi !== undefined) return 'csidrivers (via CSI volume)';
    for (const source of volume.projected?.sources ?? []) {
      if (source.secret !== undefined) return 'secrets (via projected volumes)';
      if (source.configMap !== undefined) return 'configmaps (via projected volumes)';
      if (source.serviceAccountToken !== undefined) return 'serviceaccounts (via projected volumes)';
      if (source.clusterTrustBundle !== undefined) return 'clustertrustbundles (via projected volumes)';
    }
  }
  return undefined;
}
