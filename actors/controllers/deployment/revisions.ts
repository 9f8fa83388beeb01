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

/** 0 when there is none, undefined when it is no number. */
export function revisionOf(o: Deployment | ReplicaSet): number | undefined {
  const text = o.metadata.annotations?.[REVISION];
  if (text === undefined) return 0;
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
export const maxRevision = (sets: readonly ReplicaSet[]): number =>
  sets.reduce((max, set) => Math.max(max, revisionOf(set) ?? 0), 0);
/** The one before the newest. */
export function lastRevision(sets: readonly ReplicaSet[]): number {
  const sorted = sets.map((set) => revisionOf(set) ?? 0).sort((a, b) => b - a);
  return sorted[1] ?? 0;
}
export const oldestRevisionFirst = (a: ReplicaSet, b: ReplicaSet): number => {
  const [x, y] = [revisionOf(a), revisionOf(b)];
  return x === undefined || y === undefined || x === y ? byCreation(a, b) : x - y;
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
export function newSetAnnotations(d: Deployment, present: Annotations | undefined, revision: number): Annotations {
  const next: Annotations = { ...present, ...copied(d.metadata.annotations) };
  const old = present?.[REVISION];
  const oldNumber = old === undefined ? 0 : Number.parseInt(old, 10);
  if (Number.isNaN(oldNumber) || oldNumber >= revision) return next;
  next[REVISION] = String(revision);
  if (old === undefined) return next;
  const history = present?.[HISTORY]?.split(',').filter((entry) => entry !== '') ?? [];
  history.push(old);
  while (history.length > 1 && history.join(',').length > MAX_HISTORY_CHARS) history.shift();
  next[HISTORY] = history.join(',');
  return next;
}
