import { BETA_CLASS } from '../core/volume-claim.ts';
import type { ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod } from '../generated/core-v1.ts';
import type { StorageClass } from '../generated/storage-v1.ts';
import type { ObjectMeta } from '../meta/object.ts';
import { compareQuantities } from '../meta/quantity.ts';
import type { Labels } from './label-match.ts';
import { matchesTerm } from './node-affinity.ts';

/**
 * What claims and volumes have to do with each other, for all who bind them: the binder, the scheduler, the kubelet.
 * Source: k8s.io/component-helpers storage/volume.
 */
export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
/** On a claim whose volume is to be made where its first pod goes. */
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** The provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

export const hasAnnotation = (o: { readonly metadata: ObjectMeta }, name: string): boolean =>
  o.metadata.annotations?.[name] !== undefined;
export const claimClass = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';
/** Whether the claim says anything about its class: '' is a class of its own. */
export const namesClass = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata.annotations?.[BETA_CLASS] !== undefined || spec?.storageClassName !== undefined;
export const volumeClass = ({ metadata, spec }: PersistentVolume): string =>
  metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '';
export const requestedSize = (claim: PersistentVolumeClaim): string =>
  String(claim.spec?.resources?.requests?.['storage'] ?? '0');
export const sizeOf = (volume: PersistentVolume): string => String(volume.spec?.capacity?.['storage'] ?? '0');
/** Claims of the class are bound when their first pod is placed. */
export const delaysBinding = (storageClass: StorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
export const isFullyBound = (claim: PersistentVolumeClaim): boolean =>
  Boolean(claim.spec?.volumeName) && hasAnnotation(claim, BIND_COMPLETED);

/** Whether the volume is meant for the claim, by whoever wrote its claimRef; without a uid there, for any claim of that name. */
export function isFor(volume: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const to = volume.spec?.claimRef;
  if (to === undefined) return false;
  return to.name === metadata.name && to.namespace === metadata.namespace && (!to.uid || to.uid === metadata.uid);
}
/** The volume as it is once it is the claim's; undefined if nothing is missing. Source: GetBindVolumeToClaim. */
export function volumeBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const to = volume.spec?.claimRef;
  const { name, namespace, uid } = claim.metadata;
  const names = to?.name === name && to?.namespace === namespace && to?.uid === uid;
  const marks = !isFor(volume, claim) && !hasAnnotation(volume, BOUND_BY_CONTROLLER);
  if (names && !marks) return undefined;
  return {
    ...volume,
    ...(marks && { metadata: withAnnotations(volume.metadata, { [BOUND_BY_CONTROLLER]: 'yes' }) }),
    spec: { ...volume.spec, claimRef: names ? to : referenceTo(claim) },
  };
}
const referenceTo = ({ metadata }: PersistentVolumeClaim): ObjectReference => ({
  kind: 'PersistentVolumeClaim',
  namespace: metadata.namespace,
  name: metadata.name,
  uid: metadata.uid,
  apiVersion: 'v1',
  resourceVersion: metadata.resourceVersion,
});
export const withAnnotations = (metadata: ObjectMeta, more: Readonly<Record<string, string>>): ObjectMeta => ({
  ...metadata,
  annotations: { ...metadata.annotations, ...more },
});

export const sameMode = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.volumeMode ?? 'Filesystem') === (volume.spec?.volumeMode ?? 'Filesystem');
export const sameAttributes = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.volumeAttributesClassName ?? '') === (volume.spec?.volumeAttributesClassName ?? '');
export const hasAccessModes = (claim: PersistentVolumeClaim, volume: PersistentVolume): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode) ?? false);
/** What must hold even of a volume that was set aside for the claim. */
export const canHold = (volume: PersistentVolume, claim: PersistentVolumeClaim): boolean =>
  volume.metadata.deletionTimestamp === undefined &&
  sameMode(claim, volume) &&
  sameAttributes(claim, volume) &&
  compareQuantities(sizeOf(volume), requestedSize(claim)) >= 0;

/** Whether the volume can be reached from a node with these labels. Source: CheckNodeAffinity. */
export function reachable(volume: PersistentVolume, labels: Labels): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, { name: '', labels }));
}

export interface PodClaim {
  readonly name: string;
  /** Of the pod's volume. */
  readonly volume: string;
  /** Made for this pod alone. */
  readonly isEphemeral: boolean;
}
/** The claims behind a pod's volumes: those it names, and those made for it. */
export function claimsOfPod({ metadata, spec }: Pod): readonly PodClaim[] {
  let found: PodClaim[] | undefined;
  for (const { name: volume, persistentVolumeClaim, ephemeral } of spec?.volumes ?? [])
    if (persistentVolumeClaim !== undefined)
      (found ??= []).push({ name: persistentVolumeClaim.claimName, volume, isEphemeral: false });
    else if (ephemeral !== undefined)
      (found ??= []).push({ name: `${metadata.name}-${volume}`, volume, isEphemeral: true });
  return found ?? NONE;
}
const NONE: readonly PodClaim[] = [];
/** Why a claim of the name that an ephemeral volume's has is not that volume's; undefined: it is. Source: VolumeIsForPod. */
export function notForPod({ metadata }: PersistentVolumeClaim, pod: Pod): string | undefined {
  const isOwned = metadata.ownerReferences?.some((o) => o.controller === true && o.uid === pod.metadata.uid) ?? false;
  if (isOwned && metadata.namespace === pod.metadata.namespace) return undefined;
  return `PVC ${metadata.namespace}/${metadata.name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}
