import type { OwnerReference } from '../../../schemas/generated/meta-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { Change, History } from './history.ts';

/** Something that must hold at every revision. Each run has its own: it may remember what it saw. */
export interface Invariant {
  readonly name: string;
  /** What is wrong since this change, in words; undefined: nothing. Also called for what was there at the beginning. */
  check(change: Change, history: History): string | undefined;
}

export const controllerOf = (object: KubeObject | undefined): OwnerReference | undefined =>
  object?.metadata.ownerReferences?.find((owner) => owner.controller === true);
export const isFinished = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
/** Neither at its end nor on the way there. */
export const isActive = (pod: Pod): boolean => !isFinished(pod) && pod.metadata.deletionTimestamp === undefined;
export const isReady = (pod: Pod): boolean =>
  pod.metadata.deletionTimestamp === undefined &&
  (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');
export const podsOf = (history: History, owner: KubeObject): Pod[] =>
  history.objects<Pod>('Pod', owner.metadata.namespace).filter((pod) => controllerOf(pod)?.uid === owner.metadata.uid);
export const nameOf = ({ kind, metadata }: KubeObject): string =>
  `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
