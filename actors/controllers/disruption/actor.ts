import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../schemas/generated/policy-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isConflict } from '../../runtime/errors.ts';
import { kindsOf } from '../../runtime/kinds.ts';
import { podDisruptionBudgets, pods as podsResource } from '../../runtime/resources.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { failed, needsScale, reconcile, staleInMs, undisrupted, unmanagedMessage } from './reconcile.ts';
import { createScales, type Wanted } from './scales.ts';

/** A pod that said it would be disrupted has a key of its own; no budget's has two slashes. */
const podKey = (pod: Pod): string => `${pod.metadata.namespace}//${pod.metadata.name}`;

/** Says of each disruption budget how many of its pods may go: what evictions ask. */
export function startDisruptionController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:disruption');
  const recorder = deps.recorderFor(client, 'controllermanager');
  const budgets = deps.informers.for<PodDisruptionBudget>(podDisruptionBudgets);
  const pods = deps.informers.for<Pod>(podsResource);
  const scales = createScales(deps.informers, client);
  budgets.addIndex(BY_NAMESPACE, byNamespace);
  pods.addIndex(BY_NAMESPACE, byNamespace);

  function* keysOf(pod: Pod): Iterable<string> {
    for (const budget of budgets.byIndex(BY_NAMESPACE, pod.metadata.namespace!))
      if (selectorFromObject(budget.spec?.selector).matches(pod.metadata.labels)) yield keyOf(budget);
  }
  async function sync(context: SyncContext): Promise<SyncOutput> {
    const { key } = context;
    const [namespace, , name] = key.split('/');
    if (name !== undefined) return syncPod(pods.get(`${namespace}/${name}`), context);
    const budget = budgets.get(key);
    if (budget === undefined) return {};
    try {
      return await syncBudget(budget, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (isConflict(error)) throw error;
      const message = error instanceof Error ? error.message : String(error);
      await write(budget, failed(budget, message, context.now), context);
      return {};
    }
  }
  async function syncBudget(budget: PodDisruptionBudget, context: SyncContext): Promise<SyncOutput> {
    const { now, signal } = context;
    const selector = selectorFromObject(budget.spec?.selector);
    const chosen = [...pods.byIndex(BY_NAMESPACE, budget.metadata.namespace!)].filter((pod) => selector.matches(pod.metadata.labels)); // prettier-ignore
    if (chosen.length === 0) recorder.event(budget, 'Normal', 'NoPods', 'No matching pods found');
    const { scale, unmanaged } = needsScale(budget)
      ? await wantedBy(budget, chosen, signal)
      : { scale: 0, unmanaged: [] };
    if (unmanaged.length > 0) recorder.event(budget, 'Warning', 'UnmanagedPods', unmanagedMessage(budget));
    const { status, late, recheckMs } = reconcile({ budget, pods: chosen, scale }, now);
    for (const pod of late)
      recorder.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${keyOf(budget)} to be deleted but it wasn't`); // prettier-ignore
    await write(budget, status, context);
    return { requeueAfterMs: recheckMs };
  }
  async function wantedBy(budget: PodDisruptionBudget, chosen: readonly Pod[], signal: AbortSignal): Promise<Wanted> {
    try {
      return await scales.wantedBy(chosen, signal);
    } catch (error) {
      signal.throwIfAborted();
      recorder.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', `Failed to calculate the number of expected pods: ${(error as Error).message}`); // prettier-ignore
      throw error;
    }
  }
  async function write(
    budget: PodDisruptionBudget,
    status: PodDisruptionBudgetStatus,
    { execute }: SyncContext,
  ): Promise<void> {
    if (equal(budget.status, status)) return;
    await execute([{ op: 'update', gvr: podDisruptionBudgets, object: { ...budget, status } as PodDisruptionBudget, subresource: 'status' }]); // prettier-ignore
  }
  /** What was announced and did not come is taken back. */
  async function syncPod(pod: Pod | undefined, { now, execute }: SyncContext): Promise<SyncOutput> {
    const waitMs = pod && staleInMs(pod, now);
    if (pod === undefined || waitMs === undefined) return {};
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    const object: Pod = { ...pod, status: { ...pod.status, conditions: undisrupted(pod, now) } };
    await execute([{ op: 'update', gvr: podsResource, object, subresource: 'status', tolerate: ['NotFound'] }]);
    return {};
  }

  return startController({
    name: 'disruption',
    ...deps,
    client,
    recorder,
    reads: scales.informers,
    synced: () => kindsOf(deps.informers).synced,
    sources: [
      source(budgets, (budget) => [keyOf(budget)]),
      source(pods, function* (pod, old) {
        yield* keysOf(pod);
        if (old && old.metadata.labels !== pod.metadata.labels) yield* keysOf(old);
        if (staleInMs(pod, deps.world.clock.now()) !== undefined) yield podKey(pod);
      }),
    ],
    sync,
  });
}
