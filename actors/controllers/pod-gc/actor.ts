import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts';
import { CHECK_MS, isUnscheduledAndDeleted, reconcile, type Removal } from './reconcile.ts';

const ALL = 'all';
/** Pods that are removed at once. */
const WORKERS = 32;

/** Removes pods that have nobody else to remove them; looks every 20 s, and at once where waiting has no use. */
export function startPodGc(deps: ControllerDeps): Controller {
  const client = deps.client('controller:pod-gc');
  const log = deps.world.log.child({ actor: 'controller:pod-gc' });
  const pods = deps.informers.for<Pod>(podsResource);
  const nodes = deps.informers.for<Node>(nodesResource);
  const counter = (what: string, help: string) => deps.metrics?.counter({ name: `pod_gc_collector_${what}`, stability: 'ALPHA', help }); // prettier-ignore
  const removed = counter(
    'force_delete_pods_total',
    'Number of pods that are being forcefully deleted since the Pod GC Controller started.',
  );
  const failed = counter(
    'force_delete_pod_errors_total',
    'Number of errors encountered when forcefully deleting the pods since the Pod GC Controller started.',
  );
  let missingSince = new Map<string, number>();

  function noteMissing(now: number): void {
    const missing = new Map<string, number>();
    for (const { spec } of pods.all())
      if (spec?.nodeName && !nodes.get(spec.nodeName))
        missing.set(spec.nodeName, missingSince.get(spec.nodeName) ?? now);
    missingSince = missing;
  }
  /** Our cache may be behind a node that has just come. */
  async function isGone(name: string, now: number, signal: AbortSignal): Promise<boolean> {
    try {
      await client.get(nodesResource, name, undefined, { signal });
      // There is: its pods begin a quarantine anew, should the cache still not know it then.
      missingSince.set(name, now);
      return false;
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error)) return true;
      log.warn('cannot ask for a node', { node: name, err: error });
      return false;
    }
  }
  async function sync({ now, signal, execute }: SyncContext): Promise<SyncOutput> {
    noteMissing(now);
    const plan = reconcile({ pods: pods.all(), node: (name) => nodes.get(name), missingSince }, now);
    const gone = new Set<string>();
    for (const node of plan.goneNodes) if (await isGone(node, now, signal)) gone.add(node);
    const queue = plan.removals.filter(({ goneNode }) => goneNode === undefined || gone.has(goneNode)).values();
    const work = async (): Promise<void> => {
      for (const removal of queue) await remove(removal);
    };
    const remove = async ({ pod, reason, intents }: Removal): Promise<void> => {
      const labels = { namespace: pod.metadata.namespace ?? '', reason };
      removed?.add(labels);
      try {
        await execute(intents);
      } catch (error) {
        signal.throwIfAborted();
        failed?.add(labels);
        log.warn('cannot remove a pod', { object: keyOf(pod), err: error });
      }
    };
    await Promise.all(Array.from({ length: WORKERS }, work));
    return { requeueAfterMs: CHECK_MS };
  }

  return startController({
    name: 'pod-gc',
    ...deps,
    client,
    workers: 1,
    reads: [nodes],
    sources: [
      source(pods, (pod, old) => {
        if (!isUnscheduledAndDeleted(pod) || (old && isUnscheduledAndDeleted(old))) return [];
        return pods.get(keyOf(pod)) ? [ALL] : [];
      }),
    ],
    onActive: (enqueue) => enqueue(ALL),
    sync,
  });
}
