import type { Namespace } from '../../../../schemas/generated/core-v1.ts';
import type { OwnerReference } from '../../../../schemas/generated/meta-v1.ts';
import { controllerOf, nameOf, type Invariant } from '../invariant.ts';

const controllers = (references: unknown): OwnerReference[] =>
  ((references ?? []) as OwnerReference[]).filter((owner) => owner.controller === true);

/** An object keeps its identity as long as it exists, and its generation never goes back. */
export const identity = (): Invariant => ({
  name: 'identity',
  check: ({ before, after }) => {
    if (!before || !after) return undefined;
    const [old, now] = [before.metadata, after.metadata];
    if (old.uid !== now.uid) return `${nameOf(after)} has become another object`;
    if (old.creationTimestamp !== now.creationTimestamp) return `${nameOf(after)} was created at another time`;
    if ((now.generation ?? 0) < (old.generation ?? 0))
      return `the generation of ${nameOf(after)} went back from ${old.generation} to ${now.generation}`;
    if (old.deletionTimestamp !== undefined && now.deletionTimestamp === undefined)
      return `${nameOf(after)} is not being deleted any more`;
    return undefined;
  },
});

/** Nothing vanishes while somebody has still to finish with it. */
export const finalizers = (): Invariant => ({
  name: 'finalizers',
  check: ({ before, after }) => {
    if (!before || after) return undefined;
    const left = before.metadata.finalizers ?? [];
    // The last finalizer and the object go in one write, so what was there before may have had one, but not two.
    return left.length > 1 ? `${nameOf(before)} vanished with the finalizers ${left.join(', ')}` : undefined;
  },
});

/** Nobody has two controllers, and none takes from another what that has not let go. */
export const oneController = (): Invariant => ({
  name: 'one-controller',
  check: ({ before, after }) => {
    if (!after) return undefined;
    const owners = controllers(after.metadata.ownerReferences);
    if (owners.length > 1)
      return `${nameOf(after)} is controlled by ${owners.map((o) => `${o.kind} ${o.name}`).join(' and ')}`;
    const old = controllerOf(before);
    const [now] = owners;
    if (before?.metadata.uid !== after.metadata.uid || !old || !now || old.uid === now.uid) return undefined;
    return `${nameOf(after)} went from ${old.kind} ${old.name} to ${now.kind} ${now.name} without being released`;
  },
});

/** When a namespace goes nothing is left in it, and nothing comes into being in one that is not there. */
export const namespacesHold = (): Invariant => ({
  name: 'namespaces',
  check: ({ kind, before, after }, history) => {
    if (kind === 'Namespace' && before && !after) {
      for (const object of history.all())
        if (object.metadata.namespace === before.metadata.name)
          return `namespace ${before.metadata.name} is gone, and ${nameOf(object)} is still in it`;
      return undefined;
    }
    const namespace = after?.metadata.namespace;
    if (before || !after || namespace === undefined) return undefined;
    const exists = history.objects<Namespace>('Namespace').some(({ metadata }) => metadata.name === namespace);
    return exists ? undefined : `${nameOf(after)} was created in a namespace that is not there`;
  },
});

/** A condition that the system only ever sets once stays: a Job that is finished is finished. */
export const FINAL_CONDITIONS: Readonly<Record<string, readonly string[]>> = { Job: ['Complete', 'Failed'] };
interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
export const finalConditions = (): Invariant => ({
  name: 'final-conditions',
  check: ({ kind, before, after }) => {
    const types = FINAL_CONDITIONS[kind];
    if (!types || !before || !after) return undefined;
    const isTrue = (object: WithConditions, type: string): boolean =>
      (object.status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');
    const lost = types.find((type) => isTrue(before as WithConditions, type) && !isTrue(after as WithConditions, type));
    if (lost !== undefined) return `${nameOf(after)} is not ${lost} any more`;
    const all = types.filter((type) => isTrue(after as WithConditions, type));
    return all.length > 1 ? `${nameOf(after)} is ${all.join(' and ')}` : undefined;
  },
});
