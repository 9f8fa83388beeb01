import type { Deployment, ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { PodTemplateSpec } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { byCreation, maxSurge, replicasOf } from './strategy.ts';

export const HASH_LABEL = 'pod-template-hash';
export const REVISION = 'deployment.kubernetes.io/revision';
export const HISTORY = 'deployment.kubernetes.io/revision-history';
export const DESIRED = 'deployment.kubernetes.io/desired-replicas';
export const MAX = 'deployment.kubernetes.io/max-replicas';
export const ROLLBACK_TO = 'deprecated.deployment.rollback.to';
const OWN = new Set(['kubectl.kubernetes.io/last-applied-configuration', REVISION, HISTORY, DESIRED, MAX, ROLLBACK_TO]);
const MAX_HISTORY_CHARS = 2_000;

type Annotations = Record<string, string>;
export function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const labels = template?.metadata?.labels;
  if (labels?.[HASH_LABEL] === undefined) return template;
  const { [HASH_LABEL]: _hash, ...rest } = labels;
  return { ...template, metadata: { ...template!.metadata, labels: rest } };
}
export const sameTemplate = (a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean =>
  equal(withoutHash(a), withoutHash(b));

/** The set made of the Deployment's present template: the oldest if there are several. */
export const findNewSet = (d: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined =>
  [...sets].sort(byCreation).find((set) => sameTemplate(set.spec?.template, d.spec?.template));

/** A revision has 64 bits, more than a number keeps; undefined when the text is none. */
export function parseRevision(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
/** 0 when there is none, undefined when it is no number. */
export function revisionOf(o: Deployment | ReplicaSet): bigint | undefined {
  const text = o.metadata.annotations?.[REVISION];
  return text === undefined ? 0n : parseRevision(text);
}
const newestFirst = (sets: readonly ReplicaSet[]): readonly bigint[] =>
  sets.map((set) => revisionOf(set) ?? 0n).sort((a, b) => (a === b ? 0 : a < b ? 1 : -1));
export function maxRevision(sets: readonly ReplicaSet[]): bigint {
  const [newest = 0n] = newestFirst(sets);
  return newest > 0n ? newest : 0n;
}
/** The one before the newest. */
export const lastRevision = (sets: readonly ReplicaSet[]): bigint => newestFirst(sets)[1] ?? 0n;
export const oldestRevisionFirst = (a: ReplicaSet, b: ReplicaSet): number => {
  const [x, y] = [revisionOf(a), revisionOf(b)];
  return x === undefined || y === undefined || x === y ? byCreation(a, b) : x < y ? -1 : 1;
};

export const sizeAnnotations = (d: Deployment): Annotations => ({
  [DESIRED]: String(replicasOf(d)),
  [MAX]: String(replicasOf(d) + maxSurge(d)),
});
/** The Deployment's annotations that a set carries: all but those that this controller and kubectl keep for themselves. */
export const copied = (annotations: Annotations | undefined): Annotations =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => !OWN.has(key)));
const kept = (annotations: Annotations | undefined): Annotations =>
  Object.fromEntries(Object.entries(annotations ?? {}).filter(([key]) => OWN.has(key)));
/** The Deployment's annotations after going back to `set`. */
export const rolledBack = (d: Deployment, set: ReplicaSet): Annotations => {
  const { [ROLLBACK_TO]: _done, ...own } = kept(d.metadata.annotations);
  return { ...own, ...copied(set.metadata.annotations) };
};

/** Annotations of the new set: the Deployment's, and the revision, with the revisions it had before as history. */
export function newSetAnnotations(d: Deployment, present: Annotations | undefined, revision: bigint): Annotations {
  const next: Annotations = { ...present, ...copied(d.metadata.annotations) };
  const old = present?.[REVISION];
  const before = old ? parseRevision(old) : 0n;
  if (before === undefined || before >= revision) return next;
  next[REVISION] = String(revision);
  if (old === undefined) return next;
  const history = present?.[HISTORY]?.split(',').filter((entry) => entry !== '') ?? [];
  history.push(old);
  while (history.length > 1 && history.join(',').length > MAX_HISTORY_CHARS) history.shift();
  next[HISTORY] = history.join(',');
  return next;
}
