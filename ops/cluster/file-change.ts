import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Where changes are not told of (other file systems, links), they are found by looking. Source: apiserver pkg/util/filesystem WatchUntil. */
const LOOK_MS = 60_000;
/** Editors write a file in several steps. */
const SETTLE_MS = 100;

/** Has somebody look when a file may have changed, one look at a time; until the result is called. */
export function onChange(file: string, look: () => Promise<void>, lookMs = LOOK_MS): () => void {
  let settling: NodeJS.Timeout | undefined;
  let looking = false;
  let again = false;
  const run = async (): Promise<void> => {
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    await look().catch(() => undefined);
    looking = false;
    if (!again) return;
    again = false;
    void run();
  };
  const soon = (): void => {
    clearTimeout(settling);
    settling = setTimeout(() => void run(), SETTLE_MS).unref();
  };
  let watcher: FSWatcher | undefined;
  try {
    // The folder: a file that is replaced is another one.
    watcher = watch(dirname(file), { persistent: false }, (_, name) => {
      if (name === null || name === basename(file)) soon();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // It is looked at all the same.
  }
  const timer = setInterval(() => void run(), lookMs).unref();
  return () => {
    clearTimeout(settling);
    clearInterval(timer);
    watcher?.close();
  };
}
