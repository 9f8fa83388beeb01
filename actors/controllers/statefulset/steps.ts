import type { StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { persistentVolumeClaims, pods as podsResource } from '../../runtime/resources.ts';
import { claimsOf, hasOtherController, hasRightOwners, withRightOwners } from './claims.ts';
import { hasIdentity, hasStorage, identified } from './identity.ts';

/** One thing done to one pod, told of as a whole. */
export interface Step {
  /** Told as `Create Pod web-0 in StatefulSet web successful`; undefined: only what is done to claims is told. */
  readonly verb?: 'Create' | 'Update' | 'Delete';
  readonly pod: Pod;
  /** Made first. */
  readonly claims: readonly PersistentVolumeClaim[];
  /** A claim of the pod that is on its way out: the step fails. */
  readonly endingClaim?: string;
  readonly intents: readonly Intent[];
}
type ClaimNamed = (name: string) => PersistentVolumeClaim | undefined;

/** The claims that a pod lacks, and one that cannot be used as it is being deleted. */
function missing(set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Pick<Step, 'claims' | 'endingClaim'> {
  const wanted = claimsOf(set, pod);
  const ending = wanted.find((claim) => claimNamed(claim.metadata.name!)?.metadata.deletionTimestamp !== undefined);
  return {
    claims: wanted.filter((claim) => claimNamed(claim.metadata.name!) === undefined),
    ...(ending && { endingClaim: ending.metadata.name! }),
  };
}
/** Gives the pod's claims the owners of the retention policy. */
function ownersOfClaims(set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Intent[] {
  const intents: Intent[] = [];
  for (const { metadata } of claimsOf(set, pod)) {
    const claim = claimNamed(metadata.name!);
    if (!claim) continue;
    if (hasOtherController(claim, set, pod))
      intents.push({ op: 'event', type: 'Warning', regarding: set, reason: 'ConflictingController', message: `PersistentVolumeClaim ${metadata.name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim` }); // prettier-ignore
    if (!hasRightOwners(claim, set, pod))
      intents.push({ op: 'update', gvr: persistentVolumeClaims, object: withRightOwners(claim, set, pod) });
  }
  return intents;
}
const isOwnedRightly = (set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): boolean =>
  claimsOf(set, pod).every(({ metadata }) => {
    const claim = claimNamed(metadata.name!);
    return !claim || hasRightOwners(claim, set, pod);
  });

export const creation = (set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Step => ({
  verb: 'Create',
  pod,
  ...missing(set, pod, claimNamed),
  intents: [{ op: 'create', gvr: podsResource, object: pod }],
});
export const deletion = (pod: Pod): Step => {
  const { namespace, name, uid } = pod.metadata;
  return {
    verb: 'Delete',
    pod,
    claims: [],
    intents: [{ op: 'delete', gvr: podsResource, namespace, name: name!, uid }],
  };
};
/** While a pod waits for its claims: those that are gone again. */
export function pendingClaims(set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Step | undefined {
  const step = { pod, ...missing(set, pod, claimNamed), intents: ownersOfClaims(set, pod, claimNamed) };
  return step.claims.length + step.intents.length > 0 || step.endingClaim !== undefined ? step : undefined;
}
/** What a pod that somebody has changed needs to be the set's again. */
export function correction(set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Step | undefined {
  const [identity, storage] = [hasIdentity(set, pod), hasStorage(set, pod)];
  if (identity && storage && isOwnedRightly(set, pod, claimNamed)) return undefined;
  const intents = ownersOfClaims(set, pod, claimNamed);
  if (!identity || !storage) intents.push({ op: 'update', gvr: podsResource, object: identified(set, pod) });
  return { verb: 'Update', pod, ...(storage ? { claims: [] } : missing(set, pod, claimNamed)), intents };
}
/** Before a pod is scaled away its claims become its own, if they are to go with it. */
export function parting(set: StatefulSet, pod: Pod, claimNamed: ClaimNamed): Step | undefined {
  if (isOwnedRightly(set, pod, claimNamed)) return undefined;
  return { pod, claims: [], intents: ownersOfClaims(set, pod, claimNamed) };
}
