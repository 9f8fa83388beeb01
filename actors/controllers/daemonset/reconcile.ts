import type { ControllerRevision, DaemonSet, DaemonSetStatus } from '../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { deletion, historyOf, type History } from '../../runtime/history.ts';
import type { Intent } from '../../runtime/intent.ts';
import { availableInMs } from '../../runtime/pods.ts';
import { controllerRevisions, daemonSets, pods as podsResource } from '../../runtime/resources.ts';
import { HASH_LABEL, isUpdated, podsFor } from './eligibility.ts';
import { manage, oldestFirst } from './manage.ts';
import { Pass } from './pass.ts';
import { rollingUpdate } from './rolling-update.ts';

export interface Observed {
  readonly daemonSet: DaemonSet;
  readonly nodes: ReadonlyMap<string, Node>;
  /** Claimed. */
  readonly pods: readonly Pod[];
  /** Claimed. */
  readonly revisions: readonly ControllerRevision[];
  /** Whatever ControllerRevision has this name in the namespace. */
  readonly named: (name: string) => ControllerRevision | undefined;
  /** ms that a failed pod on the node must still be left; 0: none. */
  readonly backoffMs: (node: string) => number;
}
export interface Decision {
  /** Revisions, and events about pods. */
  readonly first: readonly Intent[];
  readonly creates: readonly Intent[];
  readonly deletes: readonly Intent[];
  /** Once all of these went well: old revisions that go. */
  readonly cleanup: readonly Intent[];
  /** In any case. */
  readonly status: readonly Intent[];
  readonly requeueAfterMs?: number | undefined;
  /** Nodes whose failed pod is deleted: the next one there has to wait. */
  readonly failed: readonly string[];
}
const NOTHING: Decision = { first: [], creates: [], deletes: [], cleanup: [], status: [], failed: [] };
/** Creates and deletes of one look. Source: pkg/controller/daemon BurstReplicas. */
export const BURST = 250;

/** Puts a pod of the present template on every node that should have one. Source: pkg/controller/daemon. */
export function reconcile(observed: Observed, now: number): Decision {
  const { daemonSet, nodes, pods, named } = observed;
  if (equal(daemonSet.spec?.selector, {})) {
    const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
    return { ...NOTHING, first: [{ op: 'event', type: 'Warning', regarding: daemonSet, reason: 'SelectingAll', message }] }; // prettier-ignore
  }
  // Its history may be gone already, and nothing could be said of what it has.
  if (daemonSet.metadata.deletionTimestamp) return NOTHING;
  const unlabelled = observed.revisions.filter((revision) => revision.metadata.labels?.[HASH_LABEL] === undefined);
  if (unlabelled.length > 0) return { ...NOTHING, first: unlabelled.map(labelled) };
  const history = historyOf(daemonSet, observed.revisions, HASH_LABEL, named);
  const hash = history.current.metadata.labels?.[HASH_LABEL] ?? '';
  if (history.duplicates.length > 0) return { ...NOTHING, first: merged(history, pods, hash) };

  const pass = new Pass(daemonSet, nodes, pods, hash, observed.backoffMs, now);
  let changes = manage(pass);
  const isRolling = daemonSet.spec?.updateStrategy?.type === 'RollingUpdate';
  if (isRolling && changes.create.length + changes.remove.length === 0) changes = rollingUpdate(pass);
  const podOn = podsFor(daemonSet, hash);
  return {
    first: [...history.intents, ...pass.news],
    creates: changes.create
      .slice(0, BURST)
      .map((node) => ({ op: 'create', gvr: podsResource, object: podOn(node), place: node })),
    deletes: changes.remove.slice(0, BURST).map(({ metadata: { namespace, name, uid } }) => ({
      op: 'delete',
      gvr: podsResource,
      namespace,
      name: name!,
      uid,
    })),
    cleanup: surplus(daemonSet, history, pods),
    ...statusOf(pass, history.collisionCount),
    failed: pass.failed,
  };
}
const labelled = (revision: ControllerRevision): Intent => {
  const { metadata } = revision;
  const labels = { ...metadata.labels, [HASH_LABEL]: metadata.name! };
  return {
    op: 'update',
    gvr: controllerRevisions,
    object: { ...revision, metadata: { ...metadata, labels } },
  };
};
/** Of several revisions of one template the newest is kept, and pods of the others become pods of it. */
function merged({ duplicates }: History, pods: readonly Pod[], hash: string): Intent[] {
  const others = pods.filter((pod) => pod.metadata.labels?.[HASH_LABEL] !== hash);
  const former = new Set(duplicates.map((revision) => revision.metadata.labels?.[HASH_LABEL]));
  return [
    ...others
      .filter((pod) => former.has(pod.metadata.labels?.[HASH_LABEL]))
      .map(({ metadata: { namespace, name } }): Intent => ({
        op: 'patch',
        gvr: podsResource,
        namespace,
        name: name!,
        type: 'merge',
        patch: { metadata: { labels: { [HASH_LABEL]: hash } } },
        tolerate: ['NotFound'],
      })),
    ...duplicates.map(deletion),
  ];
}
/** The oldest revisions beyond revisionHistoryLimit that no pod is of. Source: cleanupHistory. */
function surplus({ spec }: DaemonSet, { old }: History, pods: readonly Pod[]): Intent[] {
  const count = old.length - (spec?.revisionHistoryLimit ?? 10);
  if (count <= 0) return [];
  const live = new Set(pods.map((pod) => pod.metadata.labels?.[HASH_LABEL]));
  return old.filter((revision) => !live.has(revision.metadata.labels?.[HASH_LABEL])).slice(0, count).map(deletion); // prettier-ignore
}

function statusOf(pass: Pass, collisionCount: number | undefined): Pick<Decision, 'status' | 'requeueAfterMs'> {
  const { daemonSet, minReadySeconds, now } = pass;
  let requeueAfterMs = pass.postponedMs;
  let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
  for (const node of pass.nodes.values()) {
    const [pod] = [...(pass.byNode.get(node.metadata.name!) ?? [])].sort(oldestFirst);
    if (!pass.eligible(node).shouldRun) {
      if (pod) misscheduled++;
      continue;
    }
    desired++;
    if (!pod) continue;
    current++;
    const waitMs = availableInMs(pod, minReadySeconds, now);
    if (waitMs !== undefined) ready++;
    if (waitMs === 0) available++;
    if (isUpdated(pod, pass.hash, pass.generation)) updated++;
  }
  for (const pods of pass.byNode.values())
    for (const pod of pods) {
      const waitMs = availableInMs(pod, minReadySeconds, now);
      if (waitMs) requeueAfterMs = Math.min(requeueAfterMs ?? waitMs, waitMs);
    }
  const unavailable = desired - available;
  const old = daemonSet.status;
  const status: DaemonSetStatus = {
    currentNumberScheduled: current,
    numberMisscheduled: misscheduled,
    desiredNumberScheduled: desired,
    numberReady: ready,
    ...(daemonSet.metadata.generation && { observedGeneration: daemonSet.metadata.generation }),
    ...(updated > 0 && { updatedNumberScheduled: updated }),
    ...(available > 0 && { numberAvailable: available }),
    ...(unavailable > 0 && { numberUnavailable: unavailable }),
    ...(collisionCount !== undefined && { collisionCount }),
    ...(old?.conditions && { conditions: old.conditions }),
  };
  if (equal(old, status)) return { status: [], requeueAfterMs };
  const object: DaemonSet = { ...daemonSet, status };
  return {
    status: [{ op: 'update', gvr: daemonSets, object, subresource: 'status', tolerate: ['NotFound'] }],
    requeueAfterMs,
  };
}
