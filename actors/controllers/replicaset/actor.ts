import type { ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { ApiError, statusOf } from '../../../schemas/meta/status.ts';
import { source, startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { claim, controllerOf } from '../../runtime/owners.ts';
import { isPodActive, isPodTerminal } from '../../runtime/pods.ts';
import { pods as podsResource, replicaSets } from '../../runtime/resources.ts';
import { BY_CONTROLLER, BY_NAMESPACE, byController, byNamespace, orphansOf } from '../../runtime/store.ts';
import { manageReplicas, nextAvailability, updateStatus, type Observed } from './reconcile.ts';

/** Keeps as many pods of each ReplicaSet as it asks for. */
export function startReplicaSetController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:replicaset');
  const recorder = deps.recorderFor(client, 'replicaset-controller');
  const sets = deps.informers.for<ReplicaSet>(replicaSets);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CONTROLLER, byController);
  sets.addIndex(BY_CONTROLLER, byController);
  sets.addIndex(BY_NAMESPACE, byNamespace);

  /** The set that manages the pod, or all that might adopt it. */
  function* keysOf(pod: Pod): Iterable<string> {
    const controller = controllerOf(pod);
    if (controller) {
      if (controller.kind === 'ReplicaSet') yield `${pod.metadata.namespace}/${controller.name}`;
      return;
    }
    for (const set of sets.byIndex(BY_NAMESPACE, pod.metadata.namespace!))
      if (selectorFromObject(set.spec?.selector).matches(pod.metadata.labels)) yield keyOf(set);
  }
  function related(set: ReplicaSet): (node: string) => number {
    let counts: Map<string, number> | undefined;
    return (node) => {
      if (!counts) {
        counts = new Map();
        const owner = controllerOf(set);
        for (const other of owner ? sets.byIndex(BY_CONTROLLER, owner.uid) : [set])
          for (const pod of pods.byIndex(BY_CONTROLLER, other.metadata.uid!)) {
            const on = pod.spec?.nodeName ?? '';
            if (isPodActive(pod)) counts.set(on, (counts.get(on) ?? 0) + 1);
          }
      }
      return counts.get(node) ?? 0;
    };
  }

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const replicaSet = sets.get(key);
    if (!replicaSet) return {};
    const { namespace, name, uid } = replicaSet.metadata;
    const selector = selectorFromObject(replicaSet.spec?.selector);
    const candidates: Pod[] = [];
    let terminating = 0;
    for (const pod of pods.byIndex(BY_CONTROLLER, uid!)) {
      if (isPodActive(pod)) candidates.push(pod);
      else if (!isPodTerminal(pod) && selector.matches(pod.metadata.labels)) terminating++;
    }
    for (const pod of pods.byIndex(BY_CONTROLLER, orphansOf(namespace))) if (isPodActive(pod)) candidates.push(pod);
    const { claimed, adoptions, releases } = claim(replicaSet, selector, podsResource, candidates);
    if (adoptions.length > 0) {
      // The cache may not know yet that the set is being deleted; what is adopted then would be deleted with it.
      const fresh = await client.get<ReplicaSet>(replicaSets, name!, namespace, { signal });
      if (fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp)
        throw new ApiError('Conflict', `${namespace}/${name} has just been deleted`);
    }
    await execute([...releases, ...adoptions]);

    const observed: Observed = { replicaSet, active: claimed, terminating, related: related(replicaSet) };
    const intents = manageReplicas(observed, now);
    let failure: { readonly error: unknown; readonly message: string } | undefined;
    try {
      await execute(intents, {
        onCreated: (pod) =>
          recorder.event(replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`),
        onDeleted: (pod) => recorder.event(replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod}`),
      });
    } catch (error) {
      signal.throwIfAborted();
      // A namespace on its way out refuses pods, and soon there is no set to make them for.
      if (!isNamespaceTerminating(error)) {
        const message = error instanceof Error ? error.message : String(error);
        const isCreate = intents[0]?.op === 'create';
        recorder.event(
          replicaSet,
          'Warning',
          isCreate ? 'FailedCreate' : 'FailedDelete',
          `Error ${isCreate ? 'creating' : 'deleting'}: ${message}`,
        );
        failure = { error, message: isCreate ? message : `unable to delete pods: ${message}` };
      }
    }
    await execute(updateStatus(observed, failure?.message, now));
    if (failure) throw failure.error;
    return { requeueAfterMs: nextAvailability(observed, now) };
  }

  return startController({
    name: 'replicaset',
    ...deps,
    client,
    recorder,
    sources: [
      source(sets, (set) => [keyOf(set)]),
      source(pods, function* (pod, old) {
        yield* keysOf(pod);
        if (old && (controllerOf(old)?.uid !== controllerOf(pod)?.uid || old.metadata.labels !== pod.metadata.labels))
          yield* keysOf(old);
      }),
    ],
    sync,
  });
}
const isNamespaceTerminating = (error: unknown): boolean =>
  statusOf(error)?.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false;
