import type { Pod, Volume, VolumeProjection } from '../../../schemas/generated/core-v1.ts';

type Visible = Pick<NonNullable<NonNullable<Pod['spec']>['containers']>[number], 'env' | 'envFrom'>;
const containersOf = (pod: Pod): readonly Visible[] => [
  ...(pod.spec?.initContainers ?? []),
  ...(pod.spec?.containers ?? []),
  ...(pod.spec?.ephemeralContainers ?? []),
];
/** Sources whose `secretRef` names a secret of the pod's namespace. */
const WITH_SECRET_REF = ['cephfs', 'cinder', 'flexVolume', 'rbd', 'scaleIO', 'iscsi', 'storageos'] as const;

/** Whether a pod names any secret. Source: kubernetes pkg/api/pod VisitPodSecretNames. */
export function namesSecrets(pod: Pod): boolean {
  if ((pod.spec?.imagePullSecrets ?? []).some((s) => s.name)) return true;
  for (const { env, envFrom } of containersOf(pod))
    if (envFrom?.some((e) => e.secretRef?.name) || env?.some((e) => e.valueFrom?.secretKeyRef?.name)) return true;
  return (pod.spec?.volumes ?? []).some((v) => {
    if (v.azureFile?.secretName || v.secret?.secretName || v.csi?.nodePublishSecretRef?.name) return true;
    if (v.projected?.sources?.some((s) => s.secret?.name)) return true;
    return WITH_SECRET_REF.some((source) => v[source]?.secretRef?.name);
  });
}
/** Source: kubernetes pkg/api/pod VisitPodConfigmapNames. */
function namesConfigMaps(pod: Pod): boolean {
  for (const { env, envFrom } of containersOf(pod))
    if (envFrom?.some((e) => e.configMapRef?.name) || env?.some((e) => e.valueFrom?.configMapKeyRef?.name)) return true;
  return (pod.spec?.volumes ?? []).some(
    (v) => v.configMap?.name || v.projected?.sources?.some((s) => s.configMap?.name),
  );
}
const VOLUMES: readonly (readonly [keyof Volume, string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];
const PROJECTIONS: readonly (readonly [keyof VolumeProjection, string])[] = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
];

/** The first kind of API object that a pod names, as refusals call it; undefined: none. Source: podutil HasAPIObjectReference. */
export function apiReferenceOf(pod: Pod): string | undefined {
  if (pod.spec === undefined) return undefined;
  if (pod.spec.serviceAccountName) return 'serviceaccounts';
  if (namesSecrets(pod)) return 'secrets';
  if (namesConfigMaps(pod)) return 'configmaps';
  if ((pod.spec.resourceClaims ?? []).length > 0) return 'resourceclaims';
  for (const volume of pod.spec.volumes ?? []) {
    const found = VOLUMES.find(([source]) => volume[source] !== undefined);
    if (found !== undefined) return found[1];
    for (const projection of volume.projected?.sources ?? []) {
      const part = PROJECTIONS.find(([source]) => projection[source] !== undefined);
      if (part !== undefined) return part[1];
    }
  }
  return undefined;
}
