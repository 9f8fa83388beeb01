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
  it('lets its object go once nobody has asked for it between two looks, and reads it again for who does', () => {
    let read = 0;
    const decode = (): unknown => ({ metadata: { name: `read ${++read}` } });
    const reader = { open: (_key: string, stored: Uint8Array) => stored, decode };
    const nameOf = ({ object }: Entry): string | undefined => object.metadata.name;
    const written = new Entry(reader, 'pods/a', 7, 1, Buffer.alloc(1), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'as it was written' },
    });
    written.forgetUnused();
    expect(nameOf(written)).toBe('as it was written');
    written.forgetUnused();
    written.forgetUnused();
    expect(nameOf(written)).toBe('read 1');
    written.forgetUnused();
    expect(nameOf(written)).toBe('read 1');
    written.forgetUnused();
    written.forgetUnused();
    expect(written.object.metadata).toEqual({ name: 'read 2', resourceVersion: '7' });
  });
});
