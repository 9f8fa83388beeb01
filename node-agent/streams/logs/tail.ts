import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/** Where the last so many entries of a file begin, found from its end. Source: cri-client pkg/logs/tail.go findTailLineStartIndex. */
export async function tailStart(file: Pick<FileHandle, 'read' | 'stat'>, count: number): Promise<number> {
  const { size } = await file.stat();
  if (count === 0) return size;
  const block = Buffer.allocUnsafe(BLOCK_BYTES);
  let found = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(end - BLOCK_BYTES, 0);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let i = bytesRead - 1; i >= 0; i--) {
      if (block[i] !== NEWLINE || start + i === size - 1) continue;
      if (++found === count) return start + i + 1;
    }
    end = start;
  }
  return 0;
}
