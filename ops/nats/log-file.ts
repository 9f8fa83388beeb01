import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';

const MOST_BYTES = 64 * 1024;

/** In bytes; 0 of a file that is not there. */
export const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
/** What a log says since it had `from` bytes, or the last 64 KiB of that: a log may be large, and grows for ever. */
export function textSince(file: string, from: number): string {
  const to = sizeOf(file);
  const buffer = Buffer.alloc(Math.min(Math.max(to - from, 0), MOST_BYTES));
  const fd = openSync(file, 'r');
  try {
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, to - buffer.length));
  } finally {
    closeSync(fd);
  }
}
