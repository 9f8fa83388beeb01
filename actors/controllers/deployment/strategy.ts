import type { Deployment, ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import { scaled } from '../../runtime/int-or-percent.ts';
import { timeOf } from '../../runtime/time.ts';

export const replicasOf = (o: Deployment | ReplicaSet): number => o.spec?.replicas ?? 1;
export const isRolling = (d: Deployment): boolean => (d.spec?.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';

/** Both limits at once, because both zero would allow nothing. Source: deploymentutil.ResolveFenceposts. */
function fenceposts(d: Deployment): readonly [surge: number, unavailable: number] {
  const rolling = d.spec?.strategy?.rollingUpdate;
  const surge = scaled(rolling?.maxSurge, replicasOf(d), true);
  const unavailable = scaled(rolling?.maxUnavailable, replicasOf(d), false);
  return [surge, surge === 0 && unavailable === 0 ? 1 : unavailable];
}
export const maxSurge = (d: Deployment): number => (isRolling(d) ? fenceposts(d)[0] : 0);
export const maxUnavailable = (d: Deployment): number =>
  !isRolling(d) || replicasOf(d) === 0 ? 0 : Math.min(fenceposts(d)[1], replicasOf(d));

export const total = (sets: readonly ReplicaSet[]): number => sets.reduce((n, s) => n + replicasOf(s), 0);
export const active = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((s) => replicasOf(s) > 0);
export const statusSum = (
  sets: readonly ReplicaSet[],
  field: 'replicas' | 'readyReplicas' | 'availableReplicas',
): number => sets.reduce((n, s) => n + (s.status?.[field] ?? 0), 0);

/** Oldest first; of the same second by name. */
export const byCreation = (a: ReplicaSet, b: ReplicaSet): number =>
  (timeOf(a.metadata.creationTimestamp) ?? 0) - (timeOf(b.metadata.creationTimestamp) ?? 0) ||
  (a.metadata.name! < b.metadata.name! ? -1 : 1);

/** How many replicas the new set should have now. Source: deploymentutil.NewRSNewReplicas. */
export function newSetReplicas(d: Deployment, all: readonly ReplicaSet[], present: number): number {
  const wanted = replicasOf(d);
  if (!isRolling(d)) return wanted;
  const room = wanted + scaled(d.spec?.strategy?.rollingUpdate?.maxSurge, wanted, true) - total(all);
  return room <= 0 ? present : present + Math.min(room, wanted - present);
}
