import type { Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';

/**
 * What of the API a pod needs that no API knows of: `secrets`, `configmaps (via projected volumes)`, ...; undefined: nothing.
 * Throws: Error, a volume of no sort. Pure. Source: pkg/api/pod HasAPIObjectReference.
 */
export function neededOfApi({ spec }: Pod): string | undefined {
  if (spec === undefined) return undefined;
  if (spec.serviceAccountName) return 'serviceaccounts';
  const containers = [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const names = (kind: 'secret' | 'configMap'): boolean =>
    containers.some(
      ({ env = [], envFrom = [] }) =>
        env.some(({ valueFrom }) => valueFrom?.[`${kind}KeyRef`] !== undefined) ||
        envFrom.some((source) => source[`${kind}Ref`] !== undefined),
    );
  if ((spec.imagePullSecrets?.length ?? 0) > 0 || names('secret')) return 'secrets';
  if (names('configMap')) return 'configmaps';
  if ((spec.resourceClaims?.length ?? 0) > 0) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    const needed = neededOfVolume(volume);
    if (needed !== undefined) return needed;
  }
  return undefined;
}
/** In the order in which they are looked at. */
const OF_SOURCES = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
} as const;
const OF_PROJECTED = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
} as const;

function neededOfVolume(volume: Volume): string | undefined {
  const { name, ...sources } = volume;
  const [source] = Object.keys(sources).filter((key) => volume[key as keyof Volume] !== undefined);
  if (source === undefined) throw new Error(`unknown volume type for volume  ${goQuote(name)}`);
  if (source !== 'projected') return OF_SOURCES[source as keyof typeof OF_SOURCES];
  for (const part of volume.projected?.sources ?? [])
    for (const key of Object.keys(OF_PROJECTED) as (keyof typeof OF_PROJECTED)[])
      if (part[key] !== undefined) return OF_PROJECTED[key];
  return undefined;
}
