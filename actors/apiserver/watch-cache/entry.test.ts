import { describe, expect, it } from 'vitest';
import { Entry } from './entry.ts';

describe('an entry', () => {
  it('keeps its own bytes and not the megabytes that they came in', () => {
    const batch = Buffer.alloc(1 << 20, 7);
    const reader = { open: (_key: string, stored: Uint8Array) => stored, decode: () => ({}) };
    const entry = new Entry(reader, 'pods/a', 1, 1, batch.subarray(100, 200));
    expect(entry.stored).toEqual(Buffer.alloc(100, 7));
    expect(entry.plain.buffer.byteLength).toBe(100);
  });
});
