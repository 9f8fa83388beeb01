import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from '../../../schemas/generated/apps-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { deployments, replicaSets } from '../../runtime/resources.ts';
import * as rev from './revisions.ts';
import { templateHash } from '../../runtime/template-hash.ts';
import { rollback } from './rollback.ts';
import { scaleAll } from './scale.ts';
import * as cond from './status.ts';
import { active, byCreation, maxUnavailable, newSetReplicas, replicasOf, statusSum, total } from './strategy.ts';

export interface Observed {
  readonly deployment: Deployment;
  /** Claimed. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Whether pods of a set other than `newSet` still run (Recreate waits for them). */
  readonly hasOldPods: (newSet: ReplicaSet | undefined) => boolean;
  /** Whatever ReplicaSet has this name in the namespace. */
  readonly named: (name: string) => ReplicaSet | undefined;
}

/**
 * One look at a Deployment: sets are made and scaled within maxSurge and maxUnavailable, and the status says how far it
 * is. Edits are gathered, so that each object is written once. Source: pkg/controller/deployment.
 */
export class Pass {
  readonly d: Deployment;
  readonly now: number;
  readonly observed: Observed;
  newSet: ReplicaSet | undefined;
  /** Without the new set. */
  old: ReplicaSet[];
  conditions: readonly DeploymentCondition[];
  private annotations: Record<string, string>;
  private collisions: number | undefined;
  private created: ReplicaSet | undefined;
  private readonly originals = new Map<string, ReplicaSet>();
  private readonly news: Intent[] = [];
  private readonly deletions: Intent[] = [];

  constructor(observed: Observed, now: number) {
    this.observed = observed;
    this.d = observed.deployment;
    this.now = now;
    this.newSet = rev.findNewSet(this.d, observed.replicaSets);
    this.old = observed.replicaSets.filter((set) => set !== this.newSet).sort(byCreation);
    this.conditions = this.d.status?.conditions ?? [];
    this.annotations = this.d.metadata.annotations ?? {};
    this.collisions = this.d.status?.collisionCount;
    for (const set of observed.replicaSets) this.originals.set(set.metadata.uid!, set);
  }
  get all(): ReplicaSet[] {
    return this.newSet ? [...this.old, this.newSet] : this.old;
  }
  /** Brings the new set's annotations up to date, or makes the set. False: a name is taken; the next pass tries another. */
  resolve(create: boolean): boolean {
    const revision = rev.maxRevision(this.old) + 1n;
    if (this.newSet) {
      const annotations = rev.newSetAnnotations(this.d, this.newSet.metadata.annotations, revision);
      const minReadySeconds = this.d.spec?.minReadySeconds;
      this.edit(this.newSet, (set) => ({
        ...set,
        metadata: { ...set.metadata, annotations },
        spec: { ...set.spec!, minReadySeconds },
      }));
      this.annotations = { ...this.annotations, [rev.REVISION]: this.newSet.metadata.annotations![rev.REVISION]! };
      if (cond.hasDeadline(this.d) && !cond.conditionOf(this.conditions, 'Progressing'))
        this.progress('FoundNewReplicaSet', `Found new replica set "${this.newSet.metadata.name}"`);
      return true;
    }
    return create ? this.create(revision) : true;
  }
  private create(revision: bigint): boolean {
    const { d } = this;
    const hash = templateHash(d.spec?.template, this.collisions);
    const name = `${d.metadata.name!.slice(0, 253 - 1 - hash.length)}-${hash}`;
    if (this.observed.named(name)) {
      this.collisions = (this.collisions ?? 0) + 1;
      return false;
    }
    const template = d.spec!.template;
    const labels = { ...template.metadata?.labels, [rev.HASH_LABEL]: hash };
    const selector = d.spec!.selector;
    const replicas = newSetReplicas(d, this.old, 0);
    const created: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        namespace: d.metadata.namespace,
        labels,
        ownerReferences: [controllerReference(d)],
        annotations: { ...rev.newSetAnnotations(d, undefined, revision), ...rev.sizeAnnotations(d) },
      },
      spec: {
        replicas,
        minReadySeconds: d.spec?.minReadySeconds,
        selector: { ...selector, matchLabels: { ...selector.matchLabels, [rev.HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    };
    this.newSet = this.created = created;
    if (replicas > 0) this.say('Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
    this.annotations = { ...this.annotations, [rev.REVISION]: String(revision) };
    if (cond.hasDeadline(d)) this.progress('NewReplicaSetCreated', `Created new replica set "${name}"`);
    return true;
  }
  private progress(reason: string, message: string): void {
    this.conditions = cond.set(this.conditions, cond.condition('Progressing', 'True', reason, message, this.now));
  }
  say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.news.push({ op: 'event', type, regarding: this.d, reason, message });
  }
  private edit(set: ReplicaSet, change: (set: ReplicaSet) => ReplicaSet): ReplicaSet {
    const next = change(set);
    if (this.newSet === set) this.newSet = next;
    else this.old = this.old.map((other) => (other === set ? next : other));
    return next;
  }
  /** Whether the size changed. `annotate`: refresh the size annotations even if it did not. */
  scale(set: ReplicaSet, replicas: number, annotate = false): boolean {
    const before = replicasOf(set);
    if (before === replicas && !annotate) return false;
    this.edit(set, (s) => ({
      ...s,
      metadata: { ...s.metadata, annotations: { ...s.metadata.annotations, ...rev.sizeAnnotations(this.d) } },
      spec: { ...s.spec!, replicas },
    }));
    if (before === replicas) return false;
    const direction = before < replicas ? 'up' : 'down';
    this.say('Normal', 'ScalingReplicaSet', `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`); // prettier-ignore
    return true;
  }
  /** Deletes the oldest sets that are scaled to nothing, beyond revisionHistoryLimit. */
  cleanUp(): void {
    const limit = this.d.spec?.revisionHistoryLimit;
    if (limit === undefined || limit === 2_147_483_647) return;
    const candidates = this.old.filter((set) => !set.metadata.deletionTimestamp).sort(rev.oldestRevisionFirst);
    for (const set of candidates.slice(0, Math.max(0, candidates.length - limit))) {
      const isSeen = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
      if ((set.status?.replicas ?? 0) !== 0 || replicasOf(set) !== 0 || !isSeen) continue;
      const { namespace, name, uid } = set.metadata;
      this.deletions.push({ op: 'delete', gvr: replicaSets, namespace, name: name!, uid });
    }
  }
  pauseConditions(): void {
    if (!cond.hasDeadline(this.d)) return;
    const present = cond.conditionOf(this.conditions, 'Progressing');
    if (present?.reason === 'ProgressDeadlineExceeded') return;
    const wasPaused = present?.reason === 'DeploymentPaused';
    const isPaused = this.d.spec?.paused === true;
    if (wasPaused === isPaused) return;
    const next = isPaused
      ? cond.condition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', this.now)
      : cond.condition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', this.now);
    this.conditions = cond.set(this.conditions, next);
  }
  finish(isRollout: boolean): Decision {
    const intents: Intent[] = [];
    if (this.created) intents.push({ op: 'create', gvr: replicaSets, object: this.created });
    for (const set of this.all) {
      const original = this.originals.get(set.metadata.uid ?? '');
      if (original && !equal(original, set)) intents.push({ op: 'update', gvr: replicaSets, object: set });
    }
    const compute = isRollout ? cond.rolloutStatus : cond.statusOf;
    const status: DeploymentStatus = {
      ...compute(this.d, this.all, this.newSet, this.conditions, this.now),
      collisionCount: this.collisions,
    };
    const isSame = equal(status, this.d.status) && equal(this.annotations, this.d.metadata.annotations);
    const object: Deployment = { ...this.d, metadata: { ...this.d.metadata, annotations: this.annotations }, status };
    intents.push(...this.news, ...this.deletions);
    if (!isSame)
      intents.push({ op: 'update', gvr: deployments, object, subresource: 'status', tolerate: ['NotFound'] });
    return { intents, requeueAfterMs: isRollout ? cond.stuckCheckInMs(this.d, status, this.now) : undefined };
  }
}

export function reconcile(observed: Observed, now: number): Decision {
  const { deployment: d } = observed;
  const pass = new Pass(observed, now);
  if (isEmpty(d.spec?.selector)) {
    pass.say('Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
    return pass.finish(false);
  }
  if (d.metadata.deletionTimestamp) {
    pass.resolve(false);
    return pass.finish(false);
  }
  pass.pauseConditions();
  const rollbackTo = rev.parseRevision(d.metadata.annotations?.[rev.ROLLBACK_TO] ?? '');
  if (!d.spec?.paused && rollbackTo !== undefined) return rollback(pass, rollbackTo);
  if (d.spec?.paused || isScaling(d, observed.replicaSets)) {
    pass.resolve(false);
    scaleAll(pass);
    if (d.spec?.paused && rollbackTo === undefined) pass.cleanUp();
    return pass.finish(false);
  }
  if (d.spec?.strategy?.type === 'Recreate') recreate(pass);
  else roll(pass);
  return pass.finish(true);
}
const isEmpty = (selector: object | undefined): boolean => equal(selector, {});

/** The Deployment's size has changed since a set was last sized. */
const isScaling = (d: Deployment, sets: readonly ReplicaSet[]): boolean =>
  active(sets).some((set) => {
    const desired = set.metadata.annotations?.[rev.DESIRED];
    return desired !== undefined && /^\d+$/.test(desired) && Number(desired) !== replicasOf(d);
  });

function roll(pass: Pass): void {
  if (!pass.resolve(true)) return;
  const { d } = pass;
  const newSet = pass.newSet!;
  const present = replicasOf(newSet);
  if (present !== replicasOf(d)) {
    const size = present > replicasOf(d) ? replicasOf(d) : newSetReplicas(d, pass.all, present);
    if (pass.scale(newSet, size)) return;
  }
  if (scaleDownOld(pass)) return;
  if (cond.isComplete(d, d.status)) pass.cleanUp();
}
/** Takes old pods away: unhealthy ones first, then as many as the new ones' availability allows. */
function scaleDownOld(pass: Pass): boolean {
  const { d } = pass;
  if (total(pass.old) === 0) return false;
  const minAvailable = replicasOf(d) - maxUnavailable(d);
  const unavailable = replicasOf(pass.newSet!) - (pass.newSet!.status?.availableReplicas ?? 0);
  let room = total(pass.all) - minAvailable - unavailable;
  if (room <= 0) return false;
  let scaled = false;
  for (const set of active(pass.old).sort(byCreation)) {
    const unhealthy = replicasOf(set) - (set.status?.availableReplicas ?? 0);
    if (room <= 0 || unhealthy === 0) continue;
    const count = Math.min(room, unhealthy);
    if (pass.scale(set, replicasOf(set) - count)) scaled = true;
    room -= count;
  }
  let spare = statusSum(pass.all, 'availableReplicas') - minAvailable;
  for (const set of active(pass.old).sort(byCreation)) {
    if (spare <= 0) break;
    const count = Math.min(replicasOf(set), spare);
    if (pass.scale(set, replicasOf(set) - count)) scaled = true;
    spare -= count;
  }
  return scaled;
}
function recreate(pass: Pass): void {
  pass.resolve(false);
  let scaled = false;
  for (const set of active(pass.old)) if (pass.scale(set, 0)) scaled = true;
  if (scaled || statusSum(pass.old, 'replicas') > 0 || pass.observed.hasOldPods(pass.newSet)) return;
  if (!pass.newSet && !pass.resolve(true)) return;
  pass.scale(pass.newSet!, replicasOf(pass.d));
  if (cond.isComplete(pass.d, pass.d.status)) pass.cleanUp();
}
