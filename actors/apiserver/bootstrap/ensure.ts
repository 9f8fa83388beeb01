import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import { delay, type World } from '../../../bus/world.ts';
import type { CacheReader, Loopback } from '../request.ts';

/** What every part of bootstrap works with. */
export interface Ground {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly loopback: Loopback;
  readonly world: World;
}
export function resourceOf(ground: Pick<Ground, 'registry'>, gvr: GroupVersionResource): Resource {
  const found = ground.registry.lookup(gvr);
  if (found === undefined) throw new Error(`${gvr.resource}.${gvr.version}.${gvr.group} is not served`);
  return found;
}
const LOOK_MS = 50;
const PATIENCE_MS = 2_000;
/** What no repetition would change: said in the log, and no reason to leave the rest undone. */
const hopeless = (error: unknown): boolean =>
  ['Invalid', 'BadRequest', 'Forbidden', 'MethodNotAllowed'].includes(reasonOf(error) ?? '');
/** Several API servers start at once: who comes second finds the object there, or changed, and is content. */
const beaten = (error: unknown): boolean => ['AlreadyExists', 'Conflict', 'NotFound'].includes(reasonOf(error) ?? '');

/**
 * Creates what is missing and, where `wanted` says so, updates what differs; all objects at once. Resolves with the count
 * of writes. `wanted` gets a present object and returns what it should be, or undefined when it is right.
 */
export async function ensureAll<T extends KubeObject>(
  ground: Ground,
  resource: Resource,
  objects: readonly T[],
  wanted?: (present: T, object: T) => T | undefined,
): Promise<number> {
  const one = async (object: T): Promise<number> => {
    const present = ground.cache.get<T>(resource, object.metadata.namespace ?? '', object.metadata.name ?? '');
    try {
      if (present === undefined) await ground.loopback.create(resource, object);
      else {
        const next = wanted?.(present, object);
        if (next === undefined) return 0;
        await ground.loopback.update(resource, next);
      }
      return 1;
    } catch (error) {
      if (hopeless(error)) {
        if (await appears(ground, resource, object)) return 0;
        const { name, namespace } = object.metadata;
        ground.world.log.error('a bootstrap object was refused', {
          object: { kind: object.kind, ns: namespace, name },
          err: error,
        });
      } else if (!beaten(error)) throw error;
      return 0;
    }
  };
  const counts = await Promise.all(objects.map(one));
  return counts.reduce((sum, n) => sum + n, 0);
}
/**
 * Another API server that starts at the same time may be about to make the object: what it has claimed already (an address)
 * is refused here before the object is there.
 */
async function appears(ground: Ground, resource: Resource, { metadata }: KubeObject): Promise<boolean> {
  for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
    if (ground.cache.get(resource, metadata.namespace ?? '', metadata.name ?? '') !== undefined) return true;
    if (waitedMs >= PATIENCE_MS) return false;
    await delay(ground.world.clock, LOOK_MS);
  }
}
/** Runs a write that may lose against another API server's; one that is refused is logged and left. */
export async function attempt(ground: Pick<Ground, 'world'>, write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (hopeless(error)) ground.world.log.error('a system object was refused', { err: error });
    else if (!beaten(error)) throw error;
  }
}
