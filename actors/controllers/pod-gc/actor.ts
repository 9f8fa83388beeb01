import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { source, startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNotFound } from '../../runtime/errors.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes as nodesResource, pods as podsResource } from '../../runtime/resources.ts';
import { CHECK_MS, reconcile } from './reconcile.ts';

const ALL = 'all';

/** Removes pods that have nobody else to remove them; looks every 20 s, and at once where waiting has no use. */
export function startPodGc(deps: ControllerDeps): Controller {
  const client = deps.client('controller:pod-gc');
  const pods = deps.informers.for<Pod>(podsResource);
  const nodes = deps.informers.for<Node>(nodesResource);
  let missingSince = new Map<string, number>();

  function noteMissing(now: number): void {
    const missing = new Map<string, number>();
    for (const { spec } of pods.all())
      if (spec?.nodeName && !nodes.get(spec.nodeName))
        missing.set(spec.nodeName, missingSince.get(spec.nodeName) ?? now);
    missingSince = missing;
  }
  /** Our cache may be behind a node that has just come. */
  async function isGone(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await client.get(nodesResource, name, undefined, { signal });
      return false;
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }
  async function sync({ now, signal, execute }: SyncContext): Promise<SyncOutput> {
    noteMissing(now);
    const observed = { pods: pods.all(), node: (name: string) => nodes.get(name), missingSince };
    const { intents, goneNodes } = reconcile(observed, now);
    const alive = new Set<string>();
    for (const node of goneNodes) if (!(await isGone(node, signal))) alive.add(node);
    const isSpared = (x: Intent): boolean => {
      if (x.op !== 'delete' && x.op !== 'patch') return false;
      return alive.has(pods.get(`${x.namespace}/${x.name}`)?.spec?.nodeName ?? '');
    };
    await execute(intents.filter((x) => !isSpared(x)));
    return { requeueAfterMs: CHECK_MS };
  }

  return startController({
    name: 'pod-gc',
    ...deps,
    client,
    workers: 1,
    reads: [nodes],
    sources: [
      // A pod deleted before it had a node goes at once.
      source(pods, (pod) => (pod.metadata.deletionTimestamp && !pod.spec?.nodeName && pods.get(`${pod.metadata.namespace}/${pod.metadata.name}`) ? [ALL] : [])), // prettier-ignore
    ],
    onActive: (enqueue) => enqueue(ALL),
    sync,
  });
}
