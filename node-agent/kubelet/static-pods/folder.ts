import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { TimerId, World } from '../../../bus/world.ts';

/** Source: kubelet config/common.go maxConfigLength. */
const MAX_BYTES = 10 * 1024 * 1024;
/** How often the folder is looked at though nothing seems to happen in it. Source: kubelet fileCheckFrequency. */
const LOOK_MS = 20_000;
/** Who writes a file seldom does so at once. */
const SETTLE_MS = 200;

/** Files of a folder, by path in order; what is hidden, no file, or too long is left out. Rejects as node:fs does. */
export async function readFolder(
  folder: string,
  onProblem: (path: string, problem: unknown) => void,
): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of (await readdir(folder)).filter((each) => !each.startsWith('.')).sort()) {
    const path = join(folder, name);
    try {
      const found = await stat(path);
      if (!found.isFile()) throw new Error('it is no file');
      if (found.size > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
      files.set(path, await readFile(path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') onProblem(path, error);
    }
  }
  return files;
}
/**
 * Calls `look` now, and again whenever something may have changed in the folder, one call at a time; the folder is made
 * where it is missing. `first` resolves when it has been looked at once. Source: kubelet config/file.go.
 */
export function watchFolder(
  { clock, log }: World,
  folder: string,
  look: () => Promise<void>,
): { readonly first: Promise<void>; stop(): void } {
  let watcher: FSWatcher | undefined;
  let timer: TimerId | undefined;
  let running: Promise<void> | undefined;
  let isDirty = false;
  let isStopped = false;

  function arm(ms: number): void {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = isStopped ? undefined : clock.setTimeout(() => void run(), ms);
  }
  function run(): Promise<void> {
    isDirty = running !== undefined;
    running ??= once().finally(() => {
      running = undefined;
      arm(isDirty ? SETTLE_MS : LOOK_MS);
    });
    return running;
  }
  async function once(): Promise<void> {
    try {
      await open();
      await look();
    } catch (error) {
      log.warn('folder of manifests not read', { folder, err: error });
    }
  }
  async function open(): Promise<void> {
    if (watcher !== undefined || isStopped) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const opened = watch(folder, { persistent: false }, () => {
      if (running === undefined) arm(SETTLE_MS);
      else isDirty = true;
    });
    const close = (): void => {
      opened.close();
      if (watcher === opened) watcher = undefined;
    };
    opened.on('error', close);
    if (isStopped) close();
    else watcher = opened;
  }
  return {
    first: run(),
    stop() {
      isStopped = true;
      watcher?.close();
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}
