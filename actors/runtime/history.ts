import type { ControllerRevision } from '../../schemas/generated/apps-v1.ts';
import type { PodTemplateSpec } from '../../schemas/generated/core-v1.ts';
import { equal } from '../../schemas/meta/equal.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { Intent } from './intent.ts';
import { controllerReference } from './owners.ts';
import { controllerRevisions } from './resources.ts';
import { canonicalJson, templateHash } from './template-hash.ts';
import { timeOf } from './time.ts';

/** A workload that keeps what its template was in ControllerRevisions. */
export interface Versioned extends KubeObject {
  spec?: { template?: PodTemplateSpec | undefined } | undefined;
  status?: { collisionCount?: number | undefined } | undefined;
}
export interface History {
  /** That of the present template, as it is or as `intents` make it. */
  readonly current: ControllerRevision;
  /** All others, oldest first. */
  readonly old: readonly ControllerRevision[];
  /** Others with the present template: there should be none, but orphans may come back. */
  readonly duplicates: readonly ControllerRevision[];
  /** Makes `current`, or gives it the highest number. */
  readonly intents: readonly Intent[];
  readonly collisionCount: number | undefined;
}
/** As in Kubernetes a name has room for the hash. */
const MAX_PREFIX = 223;

/** The template that a revision holds; undefined when it holds something else. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec | undefined {
  const { spec } = (revision.data ?? {}) as { spec?: { template?: PodTemplateSpec & { $patch?: string } } };
  if (!spec?.template) return undefined;
  const { $patch: _replace, ...template } = spec.template;
  return template;
}
export const oldestFirst = (a: ControllerRevision, b: ControllerRevision): number =>
  a.revision - b.revision ||
  (timeOf(a.metadata.creationTimestamp) ?? 0) - (timeOf(b.metadata.creationTimestamp) ?? 0) ||
  (a.metadata.name! < b.metadata.name! ? -1 : 1);

/**
 * Finds the revision of the owner's present template, or says what makes it: a new one, or, after a rollback, the old one
 * with a new number. `label`: where the revision keeps its hash. `named`: whatever ControllerRevision has a name in the
 * namespace; one that holds another template is a collision, and another name is tried. `revisions`: claimed by the owner.
 * Source: pkg/controller/history, getStatefulSetRevisions, constructHistory of DaemonSets.
 */
export function historyOf(
  owner: Versioned,
  revisions: readonly ControllerRevision[],
  label: string,
  named: (name: string) => ControllerRevision | undefined,
): History {
  const template = owner.spec?.template;
  const alike: ControllerRevision[] = [];
  const old: ControllerRevision[] = [];
  for (const revision of [...revisions].sort(oldestFirst))
    (equal(templateOf(revision), template) ? alike : old).push(revision);
  const next = (old.at(-1)?.revision ?? 0) + 1;
  let collisionCount = owner.status?.collisionCount;
  const newest = alike.pop();
  if (newest) {
    const current = newest.revision < next ? { ...newest, revision: next } : newest;
    const intents: Intent[] = current === newest ? [] : [{ op: 'update', gvr: controllerRevisions, object: current }];
    return { current, old, duplicates: alike, intents, collisionCount };
  }
  for (;;) {
    const made = revisionOf(owner, templateHash(template, collisionCount), label, next);
    const taken = named(made.metadata.name!);
    if (!taken)
      return { current: made, old, duplicates: [], intents: [{ op: 'create', gvr: controllerRevisions, object: made }], collisionCount }; // prettier-ignore
    if (equal(templateOf(taken), template)) return { current: taken, old, duplicates: [], intents: [], collisionCount };
    collisionCount = (collisionCount ?? 0) + 1;
  }
}
function revisionOf(owner: Versioned, hash: string, label: string, revision: number): ControllerRevision {
  const { name, namespace, annotations } = owner.metadata;
  const template = owner.spec?.template;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${name!.slice(0, MAX_PREFIX)}-${hash}`,
      namespace,
      labels: { ...template?.metadata?.labels, [label]: hash },
      ...(annotations && { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    // kubectl compares the bytes with those that Go would write, in which keys are sorted.
    data: JSON.parse(canonicalJson({ spec: { template: { ...template, $patch: 'replace' } } })) as Record<
      string,
      unknown
    >,
    revision,
  };
}
export const deletion = ({ metadata: { namespace, name, uid } }: ControllerRevision): Intent => ({
  op: 'delete',
  gvr: controllerRevisions,
  namespace,
  name: name!,
  uid,
});
