import type { Pod } from '../../schemas/generated/core-v1.ts';
import { UserError } from '../cli/output.ts';
import { namespacesWith, podAt, type History, type SeenPod } from './history.ts';

/** The revision as of which a pod is explained, and how it came to that. */
export interface Moment {
  readonly revision: number;
  readonly pod: Pod;
  /** The node it got, and the revision of that, where it is known. */
  readonly bound?: { readonly node: string; readonly revision?: number } | undefined;
}
export interface Asked {
  readonly namespace: string;
  readonly name: string;
  /** Undefined: before it was bound, or now if it is not. */
  readonly at?: number | undefined;
}
/** A pod changes some ten times while it lives; one that is patched all the time is not followed for ever. */
const MOST_CHANGES = 2_000;

/** Thrown: UserError where there is no such pod, or its binding is not in the history any more. */
export async function findMoment(history: History, { namespace, name, at }: Asked): Promise<Moment> {
  const { revision: now, compactRevision: oldest } = await history.bounds();
  const seen = await podAt(history, namespace, name, at);
  const revision = at ?? now;
  if (seen === undefined) throw await absent(history, { namespace, name, at }, revision);
  const node = seen.pod.spec?.nodeName;
  if (!node) return { revision, pod: seen.pod };
  if (at !== undefined) return { revision, pod: seen.pod, bound: { node } };
  const before = await beforeBinding(history, seen, oldest);
  if (before === undefined)
    throw new UserError(
      `pod ${namespace}/${name} was bound to ${node} before revision ${oldest}, the oldest that can still be read: see where it could go now, itself not counted, with: kubus explain pod ${name} -n ${namespace} --at ${revision}`,
    );
  return { revision: before.bound - 1, pod: before.pod, bound: { node, revision: before.bound } };
}
/** The pod as it was last without a node; undefined: that is too long ago. */
async function beforeBinding(
  history: History,
  { pod, changedAt }: SeenPod,
  oldest: number,
): Promise<{ readonly pod: Pod; readonly bound: number } | undefined> {
  let bound = changedAt;
  for (let i = 0; i < MOST_CHANGES && bound > oldest; i++) {
    const earlier = await podAt(history, pod.metadata.namespace!, pod.metadata.name!, bound - 1);
    // It was made with its node.
    if (earlier?.pod.metadata.uid !== pod.metadata.uid) return { pod, bound };
    if (!earlier!.pod.spec?.nodeName) return { pod: earlier!.pod, bound };
    bound = earlier!.changedAt;
  }
  return undefined;
}
async function absent(history: History, { namespace, name, at }: Asked, revision: number): Promise<UserError> {
  const when = at === undefined ? '' : ` at revision ${at}`;
  const elsewhere = (await namespacesWith(history, name, revision)).filter((n) => n !== namespace);
  if (elsewhere.length > 0)
    return new UserError(
      `there is no pod "${name}" in namespace ${namespace}${when}, but in ${elsewhere.slice(0, 5).join(', ')}: kubus explain pod ${name} -n ${elsewhere[0]}`,
    );
  return new UserError(
    at === undefined
      ? `there is no pod "${name}" in namespace ${namespace}: see which there are with: kubus kubectl get pods -A; one that is gone is explained with --at REVISION`
      : `there was no pod "${name}" in namespace ${namespace}${when}: see which there were with: kubus etcd list /registry/pods/ --revision ${at}`,
  );
}
