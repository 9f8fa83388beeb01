import type { ControllerRevision, StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { slowStart } from '../../runtime/executor.ts';
import { ownedKeys } from '../../runtime/owned-keys.ts';
import { claim, settleClaims } from '../../runtime/owners.ts';
import { controllerRevisions, persistentVolumeClaims, pods as podsResource, statefulSets } from '../../runtime/resources.ts'; // prettier-ignore
import { BY_CONTROLLER, byController, ownOrOrphaned } from '../../runtime/store.ts';
import { carrier } from './carry-out.ts';
import { deletesWhenScaled } from './claims.ts';
import { isMember, parseName } from './identity.ts';
import { reconcile } from './reconcile.ts';

/** Steps of a parallel set that are under way at once. */
const TOGETHER = 64;

/** Keeps the pods of each StatefulSet, which have names, places in an order and claims of their own. */
export function startStatefulSetController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:statefulset');
  const recorder = deps.recorderFor(client, 'statefulset-controller');
  const sets = deps.informers.for<StatefulSet>(statefulSets);
  const revisions = deps.informers.for<ControllerRevision>(controllerRevisions);
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CONTROLLER, byController);
  revisions.addIndex(BY_CONTROLLER, byController);
  const keys = ownedKeys(sets, 'StatefulSet', (set) => selectorFromObject(set.spec?.selector));

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const set = sets.get(key);
    if (!set) return {};
    const { namespace } = set.metadata;
    const selector = selectorFromObject(set.spec?.selector);
    const ofRevisions = claim(set, selector, controllerRevisions, ownOrOrphaned(revisions, set));
    const ofPods = claim(set, selector, podsResource, ownOrOrphaned(pods, set), {
      belongs: (pod) => isMember(set, pod),
    });
    if (await settleClaims(set, [ofRevisions, ofPods], { client, gvr: statefulSets, execute, signal })) return {};
    const decision = reconcile(
      {
        set,
        pods: ofPods.claimed,
        revisions: ofRevisions.claimed,
        revisionNamed: (name) => revisions.get(`${namespace}/${name}`),
        claimNamed: (name) => claims.get(`${namespace}/${name}`),
      },
      now,
    );
    await execute(decision.revisions);
    const carryOut = carrier(set, recorder, { execute, signal });
    let failure: { readonly error: unknown } | undefined;
    try {
      for (const phase of decision.phases)
        await slowStart(
          phase.map((step) => () => carryOut(step)),
          decision.isParallel ? TOGETHER : 1,
          signal,
        );
    } catch (error) {
      signal.throwIfAborted();
      failure = { error };
    }
    await execute(failure ? decision.statusOfFailure : decision.status);
    await execute(decision.cleanup);
    if (failure) throw failure.error;
    return { requeueAfterMs: decision.requeueAfterMs };
  }

  /** A pod that waits for the end of the claims that its predecessor took along. */
  function* waiting({ metadata: { namespace, ownerReferences } }: PersistentVolumeClaim): Iterable<string> {
    for (const ref of ownerReferences ?? []) {
      const set = ref.kind === 'Pod' ? sets.get(`${namespace}/${parseName(ref.name)?.parent}`) : undefined;
      if (set && deletesWhenScaled(set)) yield keyOf(set);
    }
  }
  return startController({
    name: 'statefulset',
    ...deps,
    client,
    recorder,
    sources: [
      source(sets, (set) => [keyOf(set)]),
      source(pods, keys),
      source(revisions, keys),
      source(claims, waiting),
    ],
    sync,
  });
}
