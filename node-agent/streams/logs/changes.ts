import { watch } from 'node:fs/promises';
import { delay, type Clock } from '../../../bus/world.ts';

/** In case that the kernel did not tell of a change, or has no watch to give. */
const LOOK_MS = 250;

/** Waits for changes in a folder: `next` resolves soon after one that came since it last did, or after a while. Rejects once aborted. */
export function changesIn(clock: Clock, folder: string, signal: AbortSignal): { next(): Promise<void> } {
  let hasChanged = false;
  let wake: (() => void) | undefined;
  void (async () => {
    try {
      for await (const _ of watch(folder, { signal })) {
        hasChanged = true;
        wake?.();
      }
    } catch {
      // Then it is looked at again and again.
    }
  })();
  return {
    async next() {
      if (!hasChanged) {
        const waiting = new AbortController();
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const looked = delay(clock, LOOK_MS, AbortSignal.any([waiting.signal, signal])).catch(() => undefined);
        await Promise.race([woken, looked]);
        waiting.abort();
        wake = undefined;
      }
      hasChanged = false;
      signal.throwIfAborted();
    },
  };
}
