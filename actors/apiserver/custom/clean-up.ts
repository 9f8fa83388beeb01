import { CLEANUP } from '../../../schemas/apiextensions/custom-resource-definition.ts';
import { isConditionTrue, terminating } from '../../../schemas/apiextensions/naming.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import { formatTime, parseTime } from '../../../schemas/meta/time.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { attempt, type Ground } from '../bootstrap/ensure.ts';

export interface CleanUpGround extends Ground {
  readonly definitions: Resource;
  /** The kind in a version that is served, if there is one. */
  readonly resource: Resource | undefined;
  /** Asks to be called once more a little later. */
  readonly again: () => void;
}
/** How long objects may wait for somebody before the definition says so. Source: crd_finalizer.go. */
const PATIENCE_MS = 60_000;
/** Deletions on their way at once. */
const WIDTH = 16;

/** Of a deleted definition: its objects go first, then itself. Source: apiextensions-apiserver pkg/controller/finalizer. */
export async function cleanUp(ground: CleanUpGround, crd: CustomResourceDefinition): Promise<void> {
  const { cache, loopback, world, definitions, resource } = ground;
  const finalizers = crd.metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP)) return;
  const now = world.clock.now();
  const time = formatTime(now);
  const inProgress = terminating(crd, 'InstanceDeletionInProgress', time);
  const name = crd.metadata.name ?? '';
  if (inProgress !== undefined) {
    // Its own event brings it back here.
    await attempt(ground, () => loopback.update(definitions, { ...crd, status: inProgress }, 'status'));
    return;
  }
  const wasEstablished = isConditionTrue(crd, 'Established');
  if (wasEstablished && resource !== undefined) {
    const left = [...cache.list(resource)].filter(({ metadata }) => !metadata.deletionTimestamp);
    const worker = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { namespace = '', name: one = '' } = next.metadata;
        await attempt(ground, () => loopback.delete(resource, namespace, one));
      }
    };
    await Promise.all(Array.from({ length: Math.min(WIDTH, left.length) }, worker));
    if (!cache.list(resource)[Symbol.iterator]().next().done) {
      const since = parseTime(crd.metadata.deletionTimestamp ?? '') ?? now;
      const late = now - since > PATIENCE_MS ? terminating(crd, 'InstanceDeletionCheck', time) : undefined;
      if (late) await attempt(ground, () => loopback.update(definitions, { ...crd, status: late }, 'status'));
      ground.again();
      return;
    }
  }
  const status = terminating(crd, wasEstablished ? 'InstanceDeletionCompleted' : 'NeverEstablished', time)!;
  const present = cache.get<CustomResourceDefinition>(definitions, '', name) ?? crd;
  const metadata = { ...present.metadata, finalizers: finalizers.filter((f) => f !== CLEANUP) };
  await attempt(ground, () => loopback.update(definitions, { ...present, metadata, status }, 'status'));
}
