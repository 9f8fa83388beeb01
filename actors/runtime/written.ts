import type { Writable } from 'node:stream';

/** Writes all of it in one go; resolves when more may be written, or when nobody reads any more. */
export function written(to: Writable, ...parts: readonly (Uint8Array | string)[]): Promise<void> | undefined {
  if (to.destroyed || to.writableEnded) return undefined;
  if (parts.length > 1) to.cork();
  let takesMore = true;
  for (const part of parts) takesMore = to.write(part);
  if (parts.length > 1) to.uncork();
  if (takesMore || !to.writableNeedDrain) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done);
      to.off('close', done);
      resolve();
    };
    to.on('drain', done);
    to.on('close', done);
  });
}
