import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { World } from '../../../bus/world.ts';
import { formatTime } from '../../../schemas/meta/time.ts';

/** Source: kubelet config ContainerLogMaxSize, ContainerLogMaxFiles, ContainerLogMonitorInterval. */
export const ROTATION = { maxBytes: 10 * 1024 * 1024, maxFiles: 5, everyMs: 10_000 } as const;
export interface Rotated {
  readonly id: string;
  readonly path: string;
}
export interface RotationOptions {
  readonly world: Pick<World, 'clock' | 'log'>;
  /** Logs of running containers. */
  readonly logs: () => Iterable<Rotated>;
  /** Has the runtime begin a new file. */
  readonly reopen: (id: string) => Promise<void>;
  readonly limits?: { readonly maxBytes: number; readonly maxFiles: number; readonly everyMs: number };
}

/** Keeps logs of running containers below a size; the function returned ends it. Source: kubelet pkg/kubelet/logs container_log_manager.go. */
export function rotateLogs({ world, logs, reopen, limits = ROTATION }: RotationOptions): () => void {
  const { clock, log } = world;
  let isStopped = false;
  let timer = clock.setTimeout(() => void look(), limits.everyMs);
  async function look(): Promise<void> {
    for (const { id, path } of logs()) {
      if (isStopped) return;
      try {
        const { size } = await stat(path);
        if (size >= limits.maxBytes) await rotate(path, limits.maxFiles, stamp(clock.now()), () => reopen(id));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('container log not rotated', { path, err: error });
      }
    }
    if (!isStopped) timer = clock.setTimeout(() => void look(), limits.everyMs);
  } // prettier-ignore
  return () => {
    isStopped = true;
    clock.clearTimeout(timer);
  };
}
/** `20060102-150405`. */
const stamp = (now: number): string => formatTime(now).replaceAll(/[-:Z]/g, '').replace('T', '-');

/** Moves a log away, compresses those moved before it and removes the oldest. Rejects, with the log in its place, if the runtime does not follow. */
export async function rotate(path: string, maxFiles: number, at: string, reopen: () => Promise<void>): Promise<void> {
  const folder = dirname(path);
  const prefix = `${basename(path)}.`;
  const rotated = (await readdir(folder)).filter((name) => name.startsWith(prefix)).sort();
  const remove = (name: string): Promise<void> => rm(join(folder, name), { force: true });
  const kept: string[] = [];
  for (const name of rotated) {
    // What a kubelet that was stopped left half done.
    if (name.endsWith('.tmp') || rotated.includes(`${name}.gz`)) await remove(name);
    else kept.push(name);
  }
  // The log itself, and the one that it is about to become.
  for (const name of kept.splice(0, Math.max(kept.length - (maxFiles - 2), 0))) await remove(name);
  for (const name of kept) if (!name.endsWith('.gz')) await compress(join(folder, name));
  const moved = `${path}.${at}`;
  await rename(path, moved);
  try {
    await reopen();
  } catch (error) {
    await rename(moved, path);
    throw error;
  }
}
async function compress(path: string): Promise<void> {
  const unfinished = `${path}.tmp`;
  const { mode } = await stat(path);
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode }));
    await rename(unfinished, `${path}.gz`);
  } finally {
    await rm(unfinished, { force: true });
  }
  await rm(path, { force: true });
}
