import type { ControllerRevision, StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { deletion as deletionOf, historyOf, templateOf, type History } from '../../runtime/history.ts';
import type { Intent } from '../../runtime/intent.ts';
import { availableInMs } from '../../runtime/pods.ts';
import { claimsOf, deletesWhenScaled, isStale } from './claims.ts';
import { hasOwnName, isInRange, ordinalOf, podOf, replicasOf, revisionOf, startOf } from './identity.ts';
import { isGoing, isRunningAndReady, nextAvailability, statusOf, statusUpdate } from './status.ts';
import { correction, creation, deletion, parting, pendingClaims, type Step } from './steps.ts';

export interface Observed {
  readonly set: StatefulSet;
  /** Claimed; all are named after the set. */
  readonly pods: readonly Pod[];
  /** Claimed. */
  readonly revisions: readonly ControllerRevision[];
  /** Whatever has this name in the namespace. */
  readonly revisionNamed: (name: string) => ControllerRevision | undefined;
  readonly claimNamed: (name: string) => PersistentVolumeClaim | undefined;
}
export interface Decision {
  readonly revisions: readonly Intent[];
  /** One after the other: each begins when all steps of the one before went well. */
  readonly phases: readonly (readonly Step[])[];
  /** Steps of a phase may go together. */
  readonly isParallel: boolean;
  /** When all steps went well, and when not. */
  readonly status: readonly Intent[];
  readonly statusOfFailure: readonly Intent[];
  /** Last: old revisions that go. */
  readonly cleanup: readonly Intent[];
  readonly requeueAfterMs?: number | undefined;
}
const HASH_LABEL = 'controller.kubernetes.io/hash';
/** Pods made at one look at a parallel set. Source: MaxBatchSize. */
export const BURST = 500;

/** Source: pkg/controller/statefulset/stateful_set_control.go. */
export function reconcile(observed: Observed, now: number): Decision {
  const { set } = observed;
  const collisions = set.status?.collisionCount ?? 0;
  const owner = { ...set, status: { collisionCount: collisions } };
  const history = historyOf(owner, observed.revisions, HASH_LABEL, observed.revisionNamed);
  const pods = observed.pods.filter((pod) => ordinalOf(pod) >= 0);
  const look = new Look(observed, pods, history, now);
  if (!set.metadata.deletionTimestamp) look.decide();
  const counted = {
    pods,
    current: look.current.metadata.name!,
    update: history.current.metadata.name!,
    collisionCount: history.collisionCount ?? 0,
    now,
  };
  return {
    // A collector that deletes them in the foreground would never be done.
    revisions: set.metadata.deletionTimestamp ? [] : history.intents,
    phases: look.phases,
    isParallel: look.isParallel,
    status: statusUpdate(set, statusOf(set, counted, look.leaving)),
    statusOfFailure: statusUpdate(set, statusOf(set, counted, 0)),
    cleanup: surplus(set, history, look.current, pods),
    requeueAfterMs: nextAvailability(set, pods, now),
  };
}

class Look {
  readonly phases: Step[][] = [];
  readonly isParallel: boolean;
  /** The revision that pods are updated from. */
  readonly current: ControllerRevision;
  /** Pods deleted for an update. */
  leaving = 0;
  private readonly set: StatefulSet;
  private readonly update: ControllerRevision;
  private readonly now: number;
  private readonly claimNamed: Observed['claimNamed'];
  private readonly replicas = new Map<number, Pod>();
  /** Beyond the range; the highest ordinal first. */
  private readonly condemned: readonly Pod[];

  constructor({ set, revisions, claimNamed }: Observed, pods: readonly Pod[], history: History, now: number) {
    this.set = set;
    this.now = now;
    this.claimNamed = claimNamed;
    this.update = history.current;
    this.isParallel = set.spec?.podManagementPolicy === 'Parallel';
    this.current = revisions.find((r) => r.metadata.name === set.status?.currentRevision) ?? this.update;
    for (const pod of pods) {
      const ordinal = ordinalOf(pod);
      if (isInRange(set, pod) && (hasOwnName(set, pod) || !this.replicas.has(ordinal))) this.replicas.set(ordinal, pod);
    }
    this.condemned = pods.filter((pod) => !isInRange(set, pod)).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  }
  /** Replicas come before those that go, and both before an update; in order each waits for the one before. */
  decide(): void {
    if (this.keepReplicas() === 'blocked') return;
    if (this.endCondemned() === 'blocked') return;
    if (this.set.spec?.updateStrategy?.type !== 'OnDelete') this.rollOne();
  }
  private isAvailable(pod: Pod): boolean {
    return availableInMs(pod, this.set.spec?.minReadySeconds ?? 0, this.now) === 0;
  }
  private phase(steps: readonly (Step | undefined)[]): void {
    const some = steps.filter((step) => step !== undefined);
    if (some.length > 0) this.phases.push(some);
  }

  private keepReplicas(): 'blocked' | undefined {
    const { set, claimNamed, isParallel } = this;
    const steps: (Step | undefined)[] = [];
    let [blocked, absent] = [false, 0];
    const [start, end] = [startOf(set), startOf(set) + replicasOf(set)];
    for (let ordinal = start; ordinal < end && !blocked && absent < BURST; ordinal++) {
      const pod = this.replicas.get(ordinal);
      if (!pod) {
        const next = this.podOf(ordinal);
        const waits = deletesWhenScaled(set) && claimsOf(set, next).some(({ metadata }) => {
          const claim = claimNamed(metadata.name!);
          return claim !== undefined && isStale(claim, next);
        }); // prettier-ignore
        if (!waits) steps.push(creation(set, next, claimNamed));
        absent++;
        blocked = !isParallel;
        continue;
      }
      const { phase } = pod.status ?? {};
      if (phase === 'Failed' || phase === 'Succeeded') {
        if (!isGoing(pod)) steps.push(deletion(pod));
        blocked = !isParallel;
        continue;
      }
      const pending = phase === 'Pending' ? pendingClaims(set, pod, claimNamed) : undefined;
      blocked = !isParallel && (isGoing(pod) || !isRunningAndReady(pod) || !this.isAvailable(pod));
      steps.push(pending ?? (blocked ? undefined : correction(set, pod, claimNamed)));
    }
    this.phase(steps);
    return blocked ? 'blocked' : undefined;
  }
  private endCondemned(): 'blocked' | undefined {
    const { set, claimNamed, condemned, isParallel } = this;
    this.phase(condemned.map((pod) => parting(set, pod, claimNamed)));
    if (isParallel) {
      this.phase(condemned.map((pod) => (isGoing(pod) ? undefined : deletion(pod))));
      return undefined;
    }
    const [highest] = condemned;
    if (!highest) return undefined;
    // All replicas are available here, so the first that is not is one of these: the lowest.
    const first = condemned.findLast((pod) => isGoing(pod) || !this.isAvailable(pod));
    const isFine = isRunningAndReady(highest) && this.isAvailable(highest);
    if (!isGoing(highest) && (isFine || highest === first)) this.phase([deletion(highest)]);
    return 'blocked';
  }
  /** The highest ordinal that is not of the new revision is deleted, once all above it are available. */
  private rollOne(): void {
    const lowest = startOf(this.set) + (this.set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0);
    for (let ordinal = startOf(this.set) + replicasOf(this.set) - 1; ordinal >= lowest; ordinal--) {
      const pod = this.replicas.get(ordinal);
      if (!pod) return;
      const { phase } = pod.status ?? {};
      if (revisionOf(pod) !== this.update.metadata.name && !isGoing(pod)) {
        if (phase === 'Failed' || phase === 'Succeeded') return;
        this.phase([deletion(pod)]);
        this.leaving = 1;
        return;
      }
      if (isGoing(pod) || !this.isAvailable(pod)) return;
    }
  }
  /** Below the partition, or below what is still of the current revision, a pod comes back as it was. */
  private podOf(ordinal: number): Pod {
    const { set, current, update } = this;
    const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
    const kept = rollingUpdate
      ? (rollingUpdate.partition ?? 0)
      : type === 'RollingUpdate'
        ? (set.status?.currentReplicas ?? 0)
        : 0;
    if (ordinal >= startOf(set) + kept) return podOf(set, set.spec?.template, update.metadata.name!, ordinal);
    return podOf(set, templateOf(current) ?? set.spec?.template, current.metadata.name!, ordinal);
  }
}

/** The oldest revisions beyond revisionHistoryLimit that nothing is of. Source: truncateHistory. */
function surplus(
  { spec }: StatefulSet,
  { current: update, old, duplicates }: History,
  current: ControllerRevision,
  pods: readonly Pod[],
): Intent[] {
  const limit = spec?.revisionHistoryLimit ?? 10;
  if (limit < 0) return [];
  const live = new Set([update.metadata.name, current.metadata.name, ...pods.map(revisionOf)]);
  const historic = [...duplicates, ...old].filter((revision) => !live.has(revision.metadata.name));
  return historic.slice(0, Math.max(0, historic.length - limit)).map(deletionOf);
}
