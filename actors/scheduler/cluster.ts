import type { Container, Node, Pod } from '../../schemas/generated/core-v1.ts';
import { equal } from '../../schemas/meta/equal.ts';
import { isTerminal } from '../../schemas/helpers/pod-resources.ts';
import type { ClusterEvent } from './plugins/plugin.ts';
import type { SchedulingQueue } from './queue.ts';
import { podInfo, schedulerOf, type PodInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

/** Turns what the watches say into changes of the snapshot and the queue, and into events that may end a pod's waiting. */
export interface ClusterHandlers {
  podSeen(pod: Pod, old: Pod | undefined): void;
  podGone(pod: Pod): void;
  nodeSeen(node: Node, old: Node | undefined): void;
  nodeGone(node: Node): void;
}
export function clusterHandlers(
  snapshot: Snapshot,
  queue: SchedulingQueue,
  isOurs: (schedulerName: string) => boolean,
): ClusterHandlers {
  const tell = (event: ClusterEvent): void => queue.onEvent(event);

  function placed(pod: Pod, old: Pod | undefined): void {
    const { uid } = pod.metadata;
    const node = pod.spec!.nodeName!;
    const known = snapshot.infoOf(uid!);
    const isAssumed = snapshot.isAssumed(uid!);
    const isThere = known !== undefined && snapshot.nodeOf(uid!) === node;
    if (isThere && !isAssumed && !weighsAnew(known.pod, pod)) {
      known.pod = pod;
      return;
    }
    const isNew = known === undefined || isAssumed;
    // A pod that came as it was sent, which is the rule, has been counted already.
    const isCounted = isThere && isAssumed && isAsAssumed(known.pod, pod);
    const info = isCounted ? known : podInfo(pod);
    if (isCounted) {
      known.pod = pod;
      snapshot.confirm(uid!);
    } else snapshot.setPod(info, node);
    snapshot.denominate(info.uid);
    if (queue.entry(info.uid)?.state !== 'binding') queue.delete(info.uid);
    if (isNew || old === undefined) tell({ type: 'pod.assigned', pod: info });
    else {
      tell({ type: 'pod.relabelled', pod: info, old: known });
      if (shrank(known, info)) tell({ type: 'pod.released', pod: known });
    }
  }
  function waiting(pod: Pod): void {
    if (!isOurs(schedulerOf(pod))) return;
    const uid = pod.metadata.uid!;
    if (pod.metadata.deletionTimestamp !== undefined) {
      snapshot.denominate(uid);
      return queue.delete(uid);
    }
    const info = podInfo(pod);
    const nominated = pod.status?.nominatedNodeName;
    if (nominated) snapshot.nominate(info, nominated);
    else if (snapshot.nominated.size > 0) snapshot.denominate(uid);
    queue.put(info);
  }
  function release(pod: Pod): void {
    const uid = pod.metadata.uid!;
    const info = snapshot.infoOf(uid);
    snapshot.denominate(uid);
    queue.delete(uid);
    if (info === undefined) return;
    snapshot.removePod(uid);
    tell({ type: 'pod.released', pod: info });
  }
  return {
    podSeen(pod, old) {
      if (isTerminal(pod)) release(pod);
      else if (pod.spec?.nodeName) placed(pod, old);
      else waiting(pod);
    },
    podGone: release,
    nodeSeen(node, old) {
      snapshot.setNode(node);
      const like = { name: node.metadata.name ?? '', labels: node.metadata.labels ?? {}, node };
      if (old === undefined) tell({ type: 'node.added', node: like });
      else if (matters(node, old)) tell({ type: 'node.updated', node: like, old });
    },
    nodeGone(node) {
      const name = node.metadata.name ?? '';
      snapshot.removeNode(name);
      tell({ type: 'node.deleted', node: { name, labels: node.metadata.labels ?? {}, node } });
    },
  };
}
/** Most updates of a placed pod are status writes, which change nothing that is counted. */
const weighsAnew = (known: Pod, now: Pod): boolean =>
  known.metadata.generation !== now.metadata.generation ||
  (known.metadata.deletionTimestamp === undefined) !== (now.metadata.deletionTimestamp === undefined) ||
  !sameEntries(known.metadata.labels, now.metadata.labels) ||
  resizing(known) !== resizing(now);

/** Nothing but the node has been written since. */
function isAsAssumed(assumed: Pod, now: Pod): boolean {
  if ((assumed.metadata.deletionTimestamp === undefined) !== (now.metadata.deletionTimestamp === undefined))
    return false;
  if (!sameEntries(assumed.metadata.labels, now.metadata.labels) || resizing(assumed) !== resizing(now)) return false;
  const { nodeName: _, ...before } = assumed.spec ?? {};
  const { nodeName: __, ...spec } = now.spec ?? {};
  return equal(before, spec);
}

/** What containers have that is not what they ask for, as text: '' but while a pod is resized. */
function resizing({ spec, status }: Pod): string {
  let all = '';
  for (const { name, resources, allocatedResources } of [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
  ]) {
    if (resources === undefined) continue;
    const is = (container: Container): boolean => container.name === name;
    const asked = (spec?.containers.find(is) ?? spec?.initContainers?.find(is))?.resources?.requests;
    if (sameEntries(asked, resources.requests) && sameEntries(asked, allocatedResources ?? asked)) continue;
    all += JSON.stringify([name, resources.requests, allocatedResources]);
  }
  if (spec?.resources !== undefined && status?.resources !== undefined)
    all += JSON.stringify(status.resources.requests);
  return all;
}

const shrank = (before: PodInfo, now: PodInfo): boolean =>
  [...before.requests].some(([name, n]) => n > (now.requests.get(name) ?? 0));

/** Heartbeats change conditions; only these fields decide who may come. */
const matters = (now: Node, old: Node): boolean =>
  (now.spec?.unschedulable ?? false) !== (old.spec?.unschedulable ?? false) ||
  !sameEntries(now.metadata.labels, old.metadata.labels) ||
  !sameEntries(now.status?.allocatable, old.status?.allocatable) ||
  JSON.stringify(now.spec?.taints) !== JSON.stringify(old.spec?.taints);

function sameEntries(a: Readonly<Record<string, unknown>> = {}, b: Readonly<Record<string, unknown>> = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
