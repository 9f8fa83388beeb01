import { open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../../bus/world.ts';
import { changesIn } from './changes.ts';
import { EntryReader } from './entries.ts';
import { LogText, type Shown } from './show.ts';
import { tailStart } from './tail.ts';

export interface LogFileOptions extends Shown {
  readonly tailLines: number | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  /** While it does more may come. */
  readonly isRunning: () => boolean;
}
const BLOCK_BYTES = 64 * 1024;
const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/**
 * What a log file shows, in pieces of some 64 KiB at most, at the reader's pace. Following goes on where the file was
 * rotated, up to the end of the container. Rejects with the errors of the file system. Source: cri-client pkg/logs ReadLogs.
 */
export async function* readLogFile(clock: Clock, path: string, o: LogFileOptions): AsyncGenerator<Buffer, void> {
  let file = await open(path, 'r');
  try {
    const text = new LogText(o);
    const reader = new EntryReader();
    let at = o.tailLines === undefined ? 0 : await tailStart(file, o.tailLines);
    const changes = o.follow ? changesIn(clock, dirname(path), o.signal) : undefined;
    const block = Buffer.allocUnsafe(BLOCK_BYTES);
    const shown = (entries: ReturnType<EntryReader['push']>): Buffer[] => [...entries].flatMap((entry) => [...text.add(entry)]); // prettier-ignore
    for (;;) {
      // Looked at before the file: what it wrote last is read.
      const wasRunning = o.isRunning();
      const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, at);
      o.signal.throwIfAborted();
      if (bytesRead > 0) {
        at += bytesRead;
        const parts = shown(reader.push(Buffer.from(block.subarray(0, bytesRead))));
        if (parts.length > 0) yield Buffer.concat(parts);
        if (text.isFull) return;
        continue;
      }
      const next = o.follow ? await replacement(file, path, at) : undefined;
      if (next !== undefined) {
        const rest = shown(reader.end());
        if (rest.length > 0) yield Buffer.concat(rest);
        await file.close();
        file = next;
        at = 0;
        continue;
      }
      if (!o.follow || !wasRunning) {
        const rest = shown(reader.end());
        if (rest.length > 0) yield Buffer.concat(rest);
        return;
      }
      await changes!.next();
    }
  } finally {
    await file.close().catch(() => undefined);
  }
}
/** The file that has taken this one's place, or the same file, cut off; undefined: nothing new. */
async function replacement(file: FileHandle, path: string, at: number): Promise<FileHandle | undefined> {
  try {
    const [there, here] = await Promise.all([stat(path), file.stat()]);
    if (there.ino === here.ino && there.size >= at) return undefined;
    // What was written to the old one after it was read and before it was moved is not to be lost.
    if (there.ino !== here.ino && here.size > at) return undefined;
    return await open(path, 'r');
  } catch (error) {
    // It was moved away, and the next one is not there yet.
    if (isMissing(error)) return undefined;
    throw error;
  }
}
