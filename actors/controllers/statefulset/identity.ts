import type { StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from '../../../schemas/generated/core-v1.ts';
import { podFromTemplate } from '../../runtime/pod-template.ts';

export const REVISION_LABEL = 'controller-revision-hash';
const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';
const MAX_ORDINAL = 2 ** 31 - 1;

export const replicasOf = ({ spec }: StatefulSet): number => spec?.replicas ?? 1;
export const startOf = ({ spec }: StatefulSet): number => spec?.ordinals?.start ?? 0;
const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

export const claimName = (set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata.name}-${set.metadata.name}-${ordinal}`;

/** `web-3` belongs to `web` as 3; undefined for names that end in no number. */
export function parseName(name: string): { readonly parent: string; readonly ordinal: number } | undefined {
  const [, parent, digits] = /^(.*)-(\d+)$/s.exec(name) ?? [];
  if (parent === undefined || Number(digits) > MAX_ORDINAL) return undefined;
  return { parent, ordinal: Number(digits) };
}
/** -1 for a pod that is no member of any set. */
export const ordinalOf = (pod: Pod): number => parseName(pod.metadata.name!)?.ordinal ?? -1;
export const isMember = (set: StatefulSet, pod: Pod): boolean =>
  parseName(pod.metadata.name!)?.parent === set.metadata.name;
export function isInRange(set: StatefulSet, pod: Pod): boolean {
  const index = ordinalOf(pod) - startOf(set);
  return index >= 0 && index < replicasOf(set);
}
/** Under the name that the ordinal has, and not web-01. */
export const hasOwnName = (set: StatefulSet, pod: Pod): boolean => pod.metadata.name === podName(set, ordinalOf(pod));
/** The name of the ControllerRevision that it was made of. */
export const revisionOf = (pod: Pod): string => pod.metadata.labels?.[REVISION_LABEL] ?? '';

export const hasIdentity = (set: StatefulSet, pod: Pod): boolean =>
  hasOwnName(set, pod) && pod.metadata.labels?.[POD_NAME_LABEL] === pod.metadata.name;
export function hasStorage(set: StatefulSet, pod: Pod): boolean {
  const volumes = new Map(pod.spec?.volumes?.map((volume) => [volume.name, volume]));
  return (set.spec?.volumeClaimTemplates ?? []).every(
    (template) =>
      volumes.get(template.metadata.name!)?.persistentVolumeClaim?.claimName ===
      claimName(set, template, ordinalOf(pod)),
  );
}
/** The pod with the labels and volumes that its ordinal has. */
export function identified(set: StatefulSet, pod: Pod): Pod {
  const ordinal = ordinalOf(pod);
  const name = podName(set, ordinal);
  const labels = { ...pod.metadata.labels, [POD_NAME_LABEL]: name, [POD_INDEX_LABEL]: String(ordinal) };
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((template): Volume => ({
    name: template.metadata.name!,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  const taken = new Set(claims.map((volume) => volume.name));
  const volumes = [...claims, ...(pod.spec?.volumes ?? []).filter((volume) => !taken.has(volume.name))];
  return {
    ...pod,
    metadata: { ...pod.metadata, name, namespace: set.metadata.namespace, labels },
    spec: { ...pod.spec!, ...(volumes.length > 0 && { volumes }) },
  };
}
/** The pod of an ordinal as a revision of the set has it. */
export function podOf(set: StatefulSet, template: PodTemplateSpec | undefined, revision: string, ordinal: number): Pod {
  const draft = podFromTemplate(set, template);
  const name = podName(set, ordinal);
  const { metadata, spec, ...rest } = identified(set, { ...draft, metadata: { ...draft.metadata, name } });
  const subdomain = set.spec?.serviceName;
  return {
    ...rest,
    metadata: { ...metadata, labels: { ...metadata.labels, [REVISION_LABEL]: revision } },
    spec: { ...spec!, hostname: name, ...(subdomain && { subdomain }) },
  };
}
