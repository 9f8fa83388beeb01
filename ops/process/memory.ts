import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Past the first syncs, before anybody measures or waits. */
const AFTER_MS = 3000;

/**
 * Gives back, once, what only the start needed: 40 MB that V8 would otherwise keep until the process is short of memory.
 * It stops this thread for some 30 ms.
 */
export function shrinkAfterStart(): void {
  setTimeout(() => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (options: object) => void;
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, AFTER_MS).unref();
}
