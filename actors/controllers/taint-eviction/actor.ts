import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { podDeletions } from '../../runtime/metrics/pod-deletions.ts';
import { nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts';
import { BY_NODE, byNode } from '../../runtime/store.ts';
import { cancel, noExecute, reconcile, type Pending } from './reconcile.ts';

/** Evicts pods from nodes whose NoExecute taints they do not tolerate, when their time is up. */
export function startTaintEviction(deps: ControllerDeps): Controller {
  const client = deps.client('controller:taint-eviction');
  const recorder = deps.recorderFor(client, 'taint-eviction-controller');
  const count = podDeletions(deps.metrics, 'taint_eviction_controller');
  const nodes = deps.informers.for<Node>(nodesResource);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_NODE, byNode);
  const taintsOf = ({ spec }: Pod) => (spec?.nodeName ? noExecute(nodes.get(spec.nodeName)?.spec?.taints) : []);
  /** Pods that are evicted unless something changes, by key. */
  const pending = new Map<string, Pending & { readonly pod: Pod }>();

  async function sync({ key, now, execute }: SyncContext): Promise<SyncOutput> {
    const pod = pods.get(key);
    const before = pending.get(key);
    if (before !== undefined && before.uid !== pod?.metadata.uid) {
      pending.delete(key);
      await execute([cancel(before.pod)]);
    }
    if (!pod) return {};
    const plan = reconcile({ pod, taints: taintsOf(pod), pending: before }, now);
    // First: what is told of a change must not be told again if the rest fails.
    if (plan.pending) pending.set(key, { ...plan.pending, pod });
    else pending.delete(key);
    await execute(plan.intents, { onDeleted: () => count(deps.world.clock.now() - (plan.pending?.due ?? now)) });
    if (plan.requeueAfterMs === undefined) pending.delete(key);
    return { requeueAfterMs: plan.requeueAfterMs };
  }
  return startController({
    name: 'taint-eviction',
    ...deps,
    client,
    recorder,
    workers: 8,
    sources: [
      source(nodes, function* (node, old) {
        const [now, before] = [noExecute(node.spec?.taints), noExecute(old?.spec?.taints)];
        if (now.length === 0 && before.length === 0) return;
        if (old && equal(now, before)) return;
        for (const pod of pods.byIndex(BY_NODE, node.metadata.name!)) yield keyOf(pod);
      }),
      source(pods, (pod, old) => {
        const key = keyOf(pod);
        if (!pending.has(key) && taintsOf(pod).length === 0) return [];
        return isSame(pod, old) ? [] : [key];
      }),
    ],
    onActive: () => pending.clear(),
    sync,
  });
}
/** As far as it matters here. */
const isSame = (pod: Pod, old: Pod | undefined): boolean =>
  old !== undefined &&
  old.spec?.nodeName === pod.spec?.nodeName &&
  old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp &&
  equal(old.spec?.tolerations, pod.spec?.tolerations);
