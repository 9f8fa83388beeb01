import type { Clock } from '../../bus/world.ts';
import { keyOf, type KubeObject } from '../../schemas/meta/object.ts';

export interface Gathered {
  hear(object: KubeObject, old?: KubeObject): void;
  /** Forgets what was not handed on yet. */
  stop(): void;
}
/** Hands changes of objects on together, `ms` after the first of them; of each object once: its last state, and the first `old`. */
export function gather(clock: Clock, ms: number, tell: (object: KubeObject, old?: KubeObject) => void): Gathered {
  const changes = new Map<string, { readonly object: KubeObject; readonly old: KubeObject | undefined }>();
  let timer: ReturnType<Clock['setTimeout']> | undefined;
  const flush = (): void => {
    timer = undefined;
    const all = [...changes.values()];
    changes.clear();
    for (const { object, old } of all) tell(object, old);
  };
  return {
    hear(object: KubeObject, old?: KubeObject): void {
      const key = keyOf(object);
      const known = changes.get(key);
      changes.set(key, { object, old: known ? known.old : old });
      timer ??= clock.setTimeout(flush, ms);
    },
    stop(): void {
      if (timer !== undefined) clock.clearTimeout(timer);
      changes.clear();
    },
  };
}
