import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { availableInMs, isPodReady } from '../../runtime/pods.ts';
import { timeOf } from '../../runtime/time.ts';
import { HASH_LABEL } from './eligibility.ts';
import type { Pass } from './pass.ts';

/** What is to be done on nodes. */
export interface Changes {
  readonly create: string[];
  readonly remove: Pod[];
}
/** Placed ones first, then the older ones. Source: podByCreationTimestampAndPhase. */
export function oldestFirst(a: Pod, b: Pod): number {
  const [placedA, placedB] = [Boolean(a.spec?.nodeName), Boolean(b.spec?.nodeName)];
  if (placedA !== placedB) return placedA ? -1 : 1;
  const age = (timeOf(a.metadata.creationTimestamp) ?? 0) - (timeOf(b.metadata.creationTimestamp) ?? 0);
  return age || (a.metadata.name! < b.metadata.name! ? -1 : 1);
}
const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** One pod on each node that should have one, none elsewhere. Source: daemon_controller.go manage. */
export function manage(pass: Pass): Changes {
  const changes: Changes = { create: [], remove: [] };
  for (const node of pass.nodes.values()) onNode(pass, node, changes);
  // Nobody schedules these any more, so no node and no collector of pods will ever end them.
  for (const [name, pods] of pass.byNode)
    if (!pass.nodes.has(name)) changes.remove.push(...pods.filter((pod) => !pod.spec?.nodeName && !isGoing(pod)));
  return changes;
}
function onNode(pass: Pass, node: Node, { create, remove }: Changes): void {
  const name = node.metadata.name!;
  const { shouldRun, shouldContinue } = pass.eligible(node);
  const pods = pass.byNode.get(name);
  if (!pods) {
    if (shouldRun) create.push(name);
    return;
  }
  if (!shouldContinue) {
    remove.push(...pods.filter((pod) => !isGoing(pod)));
    return;
  }
  const alive: Pod[] = [];
  for (const pod of pods) {
    if (isGoing(pod)) continue;
    const { phase } = pod.status ?? {};
    if (phase === 'Failed') {
      if (pass.postpones(name)) continue;
      pass.say('Warning', 'FailedDaemonPod', `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${name}, will try to kill it`); // prettier-ignore
      remove.push(pod);
    } else if (phase === 'Succeeded') {
      pass.say('Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${name}, will try to delete it`); // prettier-ignore
      remove.push(pod);
    } else alive.push(pod);
  }
  alive.sort(oldestFirst);
  if (!pass.surges) {
    remove.push(...alive.slice(1));
    return;
  }
  if (alive.length === 0) {
    if (shouldRun) create.push(name);
    return;
  }
  if (alive.length > 1) surplus(pass, alive, remove);
}
/** While surging a node may have a pod of the old template beside one of the new, until that one is available. */
function surplus({ hash, minReadySeconds, now }: Pass, alive: readonly Pod[], remove: Pod[]): void {
  const isNew = (pod: Pod): boolean => pod.metadata.labels?.[HASH_LABEL] === hash;
  const newest = alive.find(isNew);
  const former = alive.find((pod) => !isNew(pod));
  for (const pod of alive) if (pod !== newest && pod !== former) remove.push(pod);
  if (newest && former && (!isPodReady(former) || availableInMs(newest, minReadySeconds, now) === 0))
    remove.push(former);
}
