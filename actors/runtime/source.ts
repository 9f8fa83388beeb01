import type { Clock } from '../../bus/world.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { gather } from './gather.ts';
import type { Informer } from './informer.ts';

/** An informer that a controller listens to, and the keys that a change of an object concerns. */
export interface Source {
  readonly informer: Informer<KubeObject>;
  readonly keysOf: (object: KubeObject, old: KubeObject | undefined) => Iterable<string>;
  /** Changes wait so long for others, and are told of together; default 0: each at once. */
  readonly gatherMs?: number | undefined;
}
/**
 * `keysOf` hears every add and delete (`old` undefined) and update; what it returns is synced again. Of an object that
 * changes several times while changes are gathered it hears once: its last state, and the first `old`.
 */
export const source = <T extends KubeObject>(
  informer: Informer<T>,
  keysOf: (object: T, old: T | undefined) => Iterable<string>,
  gatherMs?: number,
): Source => ({ informer, keysOf, gatherMs }) as unknown as Source;

/** Has `enqueue` hear of every key that a change concerns; returns what ends it. */
export function listen(
  { informer, keysOf, gatherMs }: Source,
  clock: Clock,
  enqueue: (key: string) => void,
): () => void {
  const each = (object: KubeObject, old?: KubeObject): void => {
    for (const key of keysOf(object, old)) enqueue(key);
  };
  const gathered = gatherMs ? gather(clock, gatherMs, each) : undefined;
  const hear = gathered?.hear ?? each;
  const end = informer.on({ add: (object) => hear(object), update: hear, delete: (object) => hear(object) });
  return () => {
    end();
    gathered?.stop();
  };
}
