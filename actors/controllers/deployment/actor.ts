import type { Deployment, ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNamespaceTerminating } from '../../runtime/errors.ts';
import type { Intent } from '../../runtime/intent.ts';
import { ownedKeys } from '../../runtime/owned-keys.ts';
import { claim, controllerOf, settleClaims } from '../../runtime/owners.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import { deployments, pods as podsResource, replicaSets } from '../../runtime/resources.ts';
import { BY_CONTROLLER, byController, ownOrOrphaned } from '../../runtime/store.ts';
import { reconcile } from './reconcile.ts';
import { condition, hasDeadline, set } from './status.ts';

/** Rolls the pods of each Deployment from one template to the next through ReplicaSets. */
export function startDeploymentController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:deployment');
  const recorder = deps.recorderFor(client, 'deployment-controller');
  const all = deps.informers.for<Deployment>(deployments);
  const sets = deps.informers.for<ReplicaSet>(replicaSets);
  const pods = deps.informers.for<Pod>(podsResource);
  sets.addIndex(BY_CONTROLLER, byController);
  pods.addIndex(BY_CONTROLLER, byController);
  const keys = ownedKeys(all, 'Deployment', (d) => selectorFromObject(d.spec?.selector));

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const deployment = all.get(key);
    if (!deployment) return {};
    const { namespace } = deployment.metadata;
    const selector = selectorFromObject(deployment.spec?.selector);
    const ofSets = claim(deployment, selector, replicaSets, ownOrOrphaned(sets, deployment));
    if (await settleClaims(deployment, [ofSets], { client, gvr: deployments, execute, signal })) return {};
    const { claimed } = ofSets;
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
      source(sets, keys),
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
