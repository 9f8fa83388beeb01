import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../controller.ts';
import { source } from '../source.ts';
import type { ControllerDeps } from '../controller-deps.ts';
import type { SyncOutput } from '../controller-machine.ts';
import type { Intent } from '../intent.ts';
import { exponentialBuckets } from '../metrics/series.ts';
import { ownedKeys } from '../owned-keys.ts';
import { claim, controllerOf, settleClaims } from '../owners.ts';
import { writePods } from '../pod-writes.ts';
import { isPodActive, isPodReady, isPodTerminating } from '../pods.ts';
import { pods as podsResource } from '../resources.ts';
import { BY_CONTROLLER, byController, ownOrOrphaned } from '../store.ts';
import { timeOf } from '../time.ts';
import { manageReplicas, nextAvailability, updateStatus, type Observed, type ReplicaKind, type ReplicaOwner } from './reconcile.ts'; // prettier-ignore

/** Keeps as many pods of each object of the kind as it asks for. */
export function startReplicaController<T extends ReplicaOwner>(kind: ReplicaKind<T>, deps: ControllerDeps): Controller {
  const client = deps.client(`controller:${kind.name}`);
  const recorder = deps.recorderFor(client, kind.component);
  const owners = deps.informers.for<T>(kind.gvr);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CONTROLLER, byController);
  owners.addIndex(BY_CONTROLLER, byController);

  const ratios = deps.metrics?.histogram(AGE_RATIO, exponentialBuckets(0.25, 2, 6)).at({});

  function related(owner: T): (node: string) => number {
    let counts: Map<string, number> | undefined;
    return (node) => {
      if (!counts) {
        counts = new Map();
        const above = controllerOf(owner);
        for (const other of above ? owners.byIndex(BY_CONTROLLER, above.uid) : [owner])
          for (const pod of pods.byIndex(BY_CONTROLLER, other.metadata.uid!)) {
            const on = pod.spec?.nodeName ?? '';
            if (isPodActive(pod)) counts.set(on, (counts.get(on) ?? 0) + 1);
          }
      }
      return counts.get(node) ?? 0;
    };
  }

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const owner = owners.get(key);
    if (!owner) return {};
    const selector = kind.selectorOf(owner);
    const candidates: Pod[] = [];
    let terminating = 0;
    for (const pod of ownOrOrphaned(pods, owner)) {
      if (isPodActive(pod)) candidates.push(pod);
      else if (controllerOf(pod) && isPodTerminating(pod) && selector.matches(pod.metadata.labels)) terminating++;
    }
    const ofPods = claim(owner, selector, podsResource, candidates);
    await settleClaims(owner, [ofPods], { client, gvr: kind.gvr, execute, signal });

    const observed: Observed = { owner, active: ofPods.claimed, terminating, related: related(owner) };
    const intents = manageReplicas(observed, now);
    if (ratios) for (const ratio of ageRatios(intents, observed.active, now)) ratios.add(ratio);
    const failure = await writePods(owner, intents, recorder, { execute, signal });
    await execute(updateStatus(kind, observed, failure?.message, now));
    if (failure) throw failure.error;
    return { requeueAfterMs: nextAvailability(observed, now) };
  }

  return startController({
    name: kind.name,
    ...deps,
    client,
    recorder,
    sources: [source(owners, (owner) => [keyOf(owner)]), source(pods, ownedKeys(owners, kind.kind, kind.selectorOf))],
    sync,
  });
}

const AGE_RATIO = {
  name: 'replicaset_controller_sorting_deletion_age_ratio',
  stability: 'ALPHA',
  help: "The ratio of chosen deleted pod's ages to the current youngest pod's age (at the time). Should be <2. The intent of this metric is to measure the rough efficacy of the LogarithmicScaleDown feature gate's effect on the sorting (and deletion) of pods when a replicaset scales down. This only considers Ready pods when calculating and reporting.",
} as const;
/** Of the ready pods that go though others stay. Source: pkg/controller/replicaset reportSortingDeletionAgeRatioMetric. */
function ageRatios(intents: readonly Intent[], active: readonly Pod[], now: number): readonly number[] {
  if (intents[0]?.op !== 'delete' || intents.length >= active.length) return [];
  const ready = active.filter(isPodReady);
  const age = (pod: Pod): number => now - (timeOf(pod.metadata.creationTimestamp) ?? now);
  const youngest = Math.min(...ready.map(age));
  const chosen = new Set(intents.map((intent) => (intent.op === 'delete' ? intent.name : '')));
  return ready
    .filter((pod) => chosen.has(pod.metadata.name!))
    .map((pod) => (youngest > 0 ? Math.trunc(age(pod) / youngest) : 1));
}
