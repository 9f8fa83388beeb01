import type { ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pass } from './reconcile.ts';
import { DESIRED, MAX } from './revisions.ts';
import { active, byCreation, isRolling, maxSurge, replicasOf, total } from './strategy.ts';

/**
 * Sizes the sets for a changed size of the Deployment: the only active one takes all; during a rollout each takes its
 * share of the difference, the largest what is left of rounding. Source: sync.go scale.
 */
export function scaleAll(pass: Pass): void {
  const { d } = pass;
  const only = activeOrLatest(pass);
  if (only) {
    pass.scale(only, replicasOf(d));
    return;
  }
  if (isSaturated(pass)) {
    for (const set of active(pass.old)) pass.scale(set, 0);
    return;
  }
  if (!isRolling(d)) return;
  const sets = active(pass.all);
  const allowed = replicasOf(d) > 0 ? replicasOf(d) + maxSurge(d) : 0;
  const toAdd = allowed - total(sets);
  if (toAdd !== 0)
    sets.sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byCreation(b, a) : byCreation(a, b)));
  let added = 0;
  const sizes = sets.map((set) => {
    const share = shareOf(pass, set, toAdd, added);
    added += share;
    return replicasOf(set) + share;
  });
  sets.forEach((set, i) => {
    const left = i === 0 ? toAdd - added : 0;
    pass.scale(set, Math.max(0, sizes[i]! + left), true);
  });
}
function activeOrLatest({ newSet, old, all }: Pass): ReplicaSet | undefined {
  const running = active(all);
  if (running.length > 1) return undefined;
  return running[0] ?? newSet ?? [...old].sort(byCreation).at(-1);
}
function isSaturated({ d, newSet }: Pass): boolean {
  if (!newSet) return false;
  return (
    replicasOf(newSet) === replicasOf(d) &&
    Number(newSet.metadata.annotations?.[DESIRED] ?? Number.NaN) === replicasOf(d) &&
    (newSet.status?.availableReplicas ?? 0) === replicasOf(d)
  );
}
function shareOf({ d }: Pass, set: ReplicaSet, toAdd: number, added: number): number {
  if (toAdd === 0 || toAdd === added) return 0;
  const share = fractionOf(d, set);
  return toAdd > 0 ? Math.min(share, toAdd - added) : Math.max(share, toAdd - added);
}
function fractionOf(d: Pass['d'], set: ReplicaSet): number {
  if (replicasOf(d) === 0) return -replicasOf(set);
  const before = Number(set.metadata.annotations?.[MAX] ?? 0) || (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((replicasOf(set) * (replicasOf(d) + maxSurge(d))) / before) - replicasOf(set);
}
