import type { Deployment, ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { source, startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import type { Intent } from '../../runtime/intent.ts';
import { claim, controllerOf, mayAdopt } from '../../runtime/owners.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import { deployments, pods as podsResource, replicaSets } from '../../runtime/resources.ts';
import { BY_CONTROLLER, BY_NAMESPACE, byController, byNamespace, orphansOf } from '../../runtime/store.ts';
import { reconcile } from './reconcile.ts';
import { condition, hasDeadline, set } from './status.ts';

/** Rolls the pods of each Deployment from one template to the next through ReplicaSets. */
export function startDeploymentController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:deployment');
  const recorder = deps.recorderFor(client, 'deployment-controller');
  const all = deps.informers.for<Deployment>(deployments);
  const sets = deps.informers.for<ReplicaSet>(replicaSets);
  const pods = deps.informers.for<Pod>(podsResource);
  all.addIndex(BY_NAMESPACE, byNamespace);
  sets.addIndex(BY_CONTROLLER, byController);
  pods.addIndex(BY_CONTROLLER, byController);

  function* keysOf(replicaSet: ReplicaSet): Iterable<string> {
    const controller = controllerOf(replicaSet);
    const { namespace, labels } = replicaSet.metadata;
    if (controller) {
      if (controller.kind === 'Deployment') yield `${namespace}/${controller.name}`;
      return;
    }
    for (const d of all.byIndex(BY_NAMESPACE, namespace!))
      if (selectorFromObject(d.spec?.selector).matches(labels)) yield keyOf(d);
  }

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const deployment = all.get(key);
    if (!deployment) return {};
    const { namespace, uid } = deployment.metadata;
    const candidates = [...sets.byIndex(BY_CONTROLLER, uid!), ...sets.byIndex(BY_CONTROLLER, orphansOf(namespace))];
    const selector = selectorFromObject(deployment.spec?.selector);
    const { claimed, adoptions, releases } = claim(deployment, selector, replicaSets, candidates);
    if (adoptions.length > 0) await mayAdopt(client, deployments, deployment, signal);
    if (releases.length + adoptions.length > 0) {
      // Their next sync sees them as they are then; writing to what was just adopted would only conflict.
      await execute([...releases, ...adoptions]);
      return {};
    }
    const decision = reconcile(
      {
        deployment,
        replicaSets: claimed,
        named: (other) => sets.get(`${namespace}/${other}`),
        hasOldPods: (newSet) => claimed.some((s) => s.metadata.uid !== newSet?.metadata.uid && runs(s)),
      },
      now,
    );
    try {
      await execute(decision.intents);
    } catch (error) {
      signal.throwIfAborted();
      await execute(createFailed(deployment, decision.intents[0], error, now));
      throw error;
    }
    return { requeueAfterMs: decision.requeueAfterMs };
  }
  function runs(replicaSet: ReplicaSet): boolean {
    for (const pod of pods.byIndex(BY_CONTROLLER, replicaSet.metadata.uid!)) if (!isPodTerminal(pod)) return true;
    return false;
  }

  return startController({
    name: 'deployment',
    ...deps,
    client,
    recorder,
    sources: [
      source(all, (d) => [keyOf(d)]),
      source(sets, function* (replicaSet, old) {
        yield* keysOf(replicaSet);
        if (old && controllerOf(old)?.uid !== controllerOf(replicaSet)?.uid) yield* keysOf(old);
      }),
      // Recreate waits for the last old pod; pods change its key only as they go.
      source(pods, function* (pod, old) {
        if (old && isPodTerminal(old) === isPodTerminal(pod)) return;
        const owner = controllerOf(pod);
        const replicaSet =
          owner?.kind === 'ReplicaSet' ? sets.get(`${pod.metadata.namespace}/${owner.name}`) : undefined;
        const d = replicaSet && controllerOf(replicaSet);
        const key = d && `${pod.metadata.namespace}/${d.name}`;
        if (key && all.get(key)?.spec?.strategy?.type === 'Recreate') yield key;
      }),
    ],
    sync,
  });
}

/** Tells that the new set could not be made; a collision with a name that the cache lacks is only retried. */
function createFailed(d: Deployment, first: Intent | undefined, error: unknown, now: number): readonly Intent[] {
  if (first?.op !== 'create' || reasonOf(error) === 'AlreadyExists' || reasonOf(error) === 'Conflict') return [];
  if (isNamespaceTerminating(error)) return [];
  const message = `Failed to create new replica set "${first.object.metadata.name}": ${error instanceof Error ? error.message : String(error)}`;
  const event: Intent = { op: 'event', type: 'Warning', regarding: d, reason: 'ReplicaSetCreateError', message };
  const before = d.status?.conditions ?? [];
  const conditions = set(before, condition('Progressing', 'False', 'ReplicaSetCreateError', message, now));
  if (!hasDeadline(d) || conditions === before) return [event];
  const object: Deployment = { ...d, status: { ...d.status, conditions: [...conditions] } };
  return [event, { op: 'update', gvr: deployments, object, subresource: 'status' }];
}
