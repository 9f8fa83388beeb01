import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reasonOf } from '../schemas/meta/status.ts';
import { decode, decodeAll, encode, encodeOnce } from './codec.ts';

const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

describe('codec', () => {
  it('returns what JSON can say unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        expect(decode(encode(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
  it('keeps bytes as bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (value) => {
        const back = decode(encode({ value })) as { value: Uint8Array };
        expect(back.value).toBeInstanceOf(Uint8Array);
        expect([...back.value]).toEqual([...value]);
      }),
    );
  });
  it('leaves undefined fields out, and sends undefined itself as no bytes', () => {
    expect(decode(encode({ a: undefined, b: 1 }))).toStrictEqual({ b: 1 });
    expect(encode(undefined).length).toBe(0);
    expect(decode(encode(undefined))).toBeUndefined();
  });
  it.each([0, -1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, -(2 ** 40), 0.1])('keeps the number %d', (n) => {
    expect(decode(encode(n))).toBe(n);
  });
  it('splices in what was encoded before', () => {
    const once = encodeOnce({ a: 1 });
    expect(decode(encode(once))).toEqual({ a: 1 });
  });
  it('reads a concatenation as the list of its values', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 3 }), { minLength: 1, maxLength: 5 }), (values) => {
        expect(decodeAll(concat(...values.map(encode)))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });
  it('answers hostile bytes with BadRequest or a plain value, never with anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const read of [decode, decodeAll]) {
          try {
            read(bytes);
          } catch (error) {
            expect(reasonOf(error)).toBe('BadRequest');
          }
        }
        expect(decode(encode({ still: 'works' }))).toEqual({ still: 'works' });
      }),
      { numRuns: 3000 },
    );
  });
  it.each([
    ['a length far beyond the message', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['arrays within arrays that each claim the rest', Array.from({ length: 5000 }, () => [0xdd, 0, 0, 0x40, 0]).flat()],
    ['nesting deeper than the stack', Array.from({ length: 1_000_000 }, () => 0x91)],
    ['a regular expression', [0xd4, 0x78, 0x00, 0x92, 0xa1, 0x61, 0xa0]],
    ['an error', [0xd4, 0x65, 0x00, 0x92, 0xa5, 0x45, 0x72, 0x72, 0x6f, 0x72, 0xa1, 0x61]],
    ['a truncated string', [0xa5, 0x61]],
    ['two values where one is expected', [0x01, 0x02]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decode(new Uint8Array(bytes))).toThrow(
      expect.objectContaining({ status: expect.objectContaining({ reason: 'BadRequest' }) as unknown }) as Error,
    );
  });
  it('cannot be made to touch a prototype', () => {
    const key = '__proto__';
    const bytes = concat(
      new Uint8Array([0x81, 0xa0 + key.length]),
      new TextEncoder().encode(key),
      encode({ polluted: 1 }),
    );
    const value = decode(bytes) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(value['polluted']).toBeUndefined();
  });
});
describe('what is nested too deep', () => {
  const DEPTH = 100_000;
  const deep = (): unknown => {
    let value: unknown = {};
    for (let i = 0; i < DEPTH; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };
  it.each([
    ['to be sent', () => encode({ body: deep() })],
    ['in arrays', () => decode(new Uint8Array(DEPTH).fill(0x91))],
    ['in maps', () => decode(Buffer.alloc(3 * DEPTH, '\u0081\u00a1a', 'latin1'))],
    ['in one of several', () => decodeAll(concat(encode(1), new Uint8Array(DEPTH).fill(0x91)))],
  ])('%s is a bad request, and leaves nothing behind', (_, work) => {
    expect(() => work()).toThrow(expect.objectContaining({ message: 'the message is nested too deep' }) as Error);
    let status: unknown;
    try {
      work();
    } catch (error) {
      status = reasonOf(error);
    }
    expect(status).toBe('BadRequest');
    const value = { a: [1, { b: 'c' }] };
    expect(decode(encode(value))).toEqual(value);
    expect(decodeAll(concat(encode(value), encode(2)))).toEqual([value, 2]);
  });
});
