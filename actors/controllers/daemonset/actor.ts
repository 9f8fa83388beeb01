import type { ControllerRevision, DaemonSet } from '../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf, type KubeObject } from '../../../schemas/meta/object.ts';
import { selectorFromObject } from '../../../schemas/meta/selectors.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import type { Informer } from '../../runtime/informer.ts';
import { ownedKeys } from '../../runtime/owned-keys.ts';
import { claim, settleClaims } from '../../runtime/owners.ts';
import { writePods } from '../../runtime/pod-writes.ts';
import { controllerRevisions, daemonSets, nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts'; // prettier-ignore
import { BY_CONTROLLER, byController, ownOrOrphaned } from '../../runtime/store.ts';
import { failedPodsBackoff } from './backoff.ts';
import { eligibility } from './eligibility.ts';
import { reconcile } from './reconcile.ts';

/** Keeps a pod of each DaemonSet on every node that should have one, and rolls them from one template to the next. */
export function startDaemonSetController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:daemonset');
  const recorder = deps.recorderFor(client, 'daemonset-controller');
  const sets = deps.informers.for<DaemonSet>(daemonSets);
  const revisions = deps.informers.for<ControllerRevision>(controllerRevisions);
  const pods = deps.informers.for<Pod>(podsResource);
  const nodes = deps.informers.for<Node>(nodesResource);
  pods.addIndex(BY_CONTROLLER, byController);
  revisions.addIndex(BY_CONTROLLER, byController);
  const backoff = failedPodsBackoff();
  const backoffKey = ({ metadata, status }: DaemonSet, node: string): string =>
    `${metadata.uid}/${status?.observedGeneration ?? 0}/${node}`;
  const keys = ownedKeys(sets, 'DaemonSet', (set) => selectorFromObject(set.spec?.selector));

  async function sync({ key, now, signal, execute }: SyncContext): Promise<SyncOutput> {
    const daemonSet = sets.get(key);
    if (!daemonSet) return {};
    const { namespace, deletionTimestamp } = daemonSet.metadata;
    const selector = selectorFromObject(daemonSet.spec?.selector);
    const isSelectingAll = equal(daemonSet.spec?.selector, {});
    const candidates = <T extends KubeObject>(of: Informer<T>): Iterable<T> =>
      isSelectingAll || deletionTimestamp ? [] : ownOrOrphaned(of, daemonSet);
    const ofRevisions = claim(daemonSet, selector, controllerRevisions, candidates(revisions));
    const ofPods = claim(daemonSet, selector, podsResource, candidates(pods));
    if (await settleClaims(daemonSet, [ofRevisions, ofPods], { client, gvr: daemonSets, execute, signal })) return {};
    const decision = reconcile(
      {
        daemonSet,
        nodes: new Map([...nodes.all()].map((node) => [node.metadata.name!, node])),
        pods: ofPods.claimed,
        revisions: ofRevisions.claimed,
        named: (name) => revisions.get(`${namespace}/${name}`),
        backoffMs: (node) => backoff.waitMs(backoffKey(daemonSet, node), now),
      },
      now,
    );
    await execute(decision.first);
    for (const node of decision.failed) backoff.next(backoffKey(daemonSet, node), now);
    const ofCreates = await writePods(daemonSet, decision.creates, recorder, { execute, signal });
    const ofDeletes = await writePods(daemonSet, decision.deletes, recorder, { execute, signal });
    const failure = ofCreates ?? ofDeletes;
    if (!failure) await execute(decision.cleanup);
    await execute(decision.status);
    if (failure) throw failure.error;
    return { requeueAfterMs: decision.requeueAfterMs };
  }

  /** Sets for which the node has become another. */
  function* affected(node: Node, old: Node | undefined): Iterable<string> {
    if (old && equal(old.metadata.labels, node.metadata.labels) && equal(old.spec?.taints, node.spec?.taints)) return;
    for (const set of sets.all()) {
      if (old) {
        const judge = eligibility(set);
        if (equal(judge(old), judge(node))) continue;
      }
      yield keyOf(set);
    }
  }
  return startController({
    name: 'daemonset',
    ...deps,
    client,
    recorder,
    sources: [
      source(sets, (set) => [keyOf(set)]),
      source(pods, keys),
      source(revisions, keys),
      source(nodes, affected),
    ],
    sync,
  });
}
