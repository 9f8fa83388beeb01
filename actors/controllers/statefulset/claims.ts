import type { StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject, OwnerReference } from '../../../schemas/meta/object.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { claimName, isInRange, ordinalOf } from './identity.ts';

/** The claims of a pod, as its set's templates have them. Source: getPersistentVolumeClaims. */
export const claimsOf = (set: StatefulSet, pod: Pod): PersistentVolumeClaim[] =>
  (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      ...template.metadata,
      name: claimName(set, template, ordinalOf(pod)),
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...set.spec?.selector.matchLabels },
    },
  }));

export const deletesWhenScaled = ({ spec }: StatefulSet): boolean =>
  spec?.persistentVolumeClaimRetentionPolicy?.whenScaled === 'Delete';
const deletesWhenDeleted = ({ spec }: StatefulSet): boolean =>
  spec?.persistentVolumeClaimRetentionPolicy?.whenDeleted === 'Delete';

const names = (ref: OwnerReference, owner: KubeObject): boolean =>
  ref.apiVersion === owner.apiVersion && ref.kind === owner.kind && ref.name === owner.metadata.name;
const refsOf = (claim: PersistentVolumeClaim): readonly OwnerReference[] => claim.metadata.ownerReferences ?? [];
const owns = (claim: PersistentVolumeClaim, owner: KubeObject): boolean =>
  owner.metadata.uid !== undefined && refsOf(claim).some((ref) => ref.uid === owner.metadata.uid);
/** It names an owner of before, who had the same name. */
export const isStale = (claim: PersistentVolumeClaim, owner: KubeObject): boolean =>
  refsOf(claim).find((ref) => names(ref, owner)) !== undefined && !refsOf(claim).some((ref) => names(ref, owner) && ref.uid === owner.metadata.uid); // prettier-ignore

/** Somebody else manages the claim, so that it is left to him. */
export function hasOtherController(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  if (!deletesWhenScaled(set) && !deletesWhenDeleted(set)) return false;
  return refsOf(claim).some((ref) => {
    if (names(ref, set)) return ref.uid !== set.metadata.uid;
    if (names(ref, pod)) return ref.uid !== pod.metadata.uid;
    return ref.controller === true;
  });
}
/** Who owns a claim decides with whom it goes: the set when the set is deleted, the pod when it is scaled away. */
function ownersOf(set: StatefulSet, pod: Pod): { readonly bySet: boolean; readonly byPod: boolean } {
  const byPod = deletesWhenScaled(set) && !isInRange(set, pod);
  return { byPod, bySet: deletesWhenDeleted(set) && !byPod };
}
/** Whether the claim's owners are those of the retention policy. Source: isClaimOwnerUpToDate. */
export function hasRightOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): boolean {
  // It belongs to a set or pod of before, whose end it waits for.
  if (isStale(claim, set) || isStale(claim, pod)) return true;
  if (hasOtherController(claim, set, pod)) return !owns(claim, set) && !owns(claim, pod);
  const ours = refsOf(claim).filter((ref) => ref.uid === set.metadata.uid || ref.uid === pod.metadata.uid);
  if (ours.some((ref) => ref.controller !== true)) return false;
  const { bySet, byPod } = ownersOf(set, pod);
  return owns(claim, set) === bySet && owns(claim, pod) === byPod;
}
/** The claim with the owners of the retention policy. Source: updateClaimOwnerRefForSetAndPod. */
export function withRightOwners(claim: PersistentVolumeClaim, set: StatefulSet, pod: Pod): PersistentVolumeClaim {
  const refs = refsOf(claim).filter((ref) => !names(ref, set) && !names(ref, pod));
  if (!hasOtherController(claim, set, pod)) {
    const { bySet, byPod } = ownersOf(set, pod);
    if (byPod) refs.push(controllerReference(pod));
    if (bySet) refs.push(controllerReference(set));
  }
  return { ...claim, metadata: { ...claim.metadata, ownerReferences: refs } };
}
