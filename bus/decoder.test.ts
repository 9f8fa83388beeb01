import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLean, decodeValue, decodeValues } from './decoder.ts';
import { packr } from './testing/packr.ts';

const pack = (value: unknown): Uint8Array => new Uint8Array(packr.pack(value));
const times = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', 'Always', 'é', 'Ã©', '__proto__', 'metadata', 'managedFields', 'x'.repeat(40), 'x'.repeat(41)),
);
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    text,
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.constantFrom(null, true, false, -1, -32, -33, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 31) - 1),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(text, tie('value'), { maxKeys: 20 }),
  ),
})).value;
/** What was written and is read again, with the order of its fields. */
const told = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) => (inner instanceof Uint8Array ? [...inner, 'bytes'] : inner));

describe('decodeValue', () => {
  it('reads what msgpackr writes', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(told(decodeValue(pack(value)))).toBe(told(value));
      }),
      { numRuns: 3000 },
    );
  });
  it.each([
    ...[0, 31, 32, 40, 41, 255, 256, 65_535, 65_536].map((n): [string, unknown] => [`a text of ${n}`, 'x'.repeat(n)]),
    ...[15, 16, 20, 21, 128, 32_768].map((n): [string, unknown] => [`a foreign text of ${n}`, 'é'.repeat(n)]),
    ...[0, 255, 256, 65_535, 65_536].map((n): [string, unknown] => [`${n} bytes`, new Uint8Array(n).fill(7)]),
    ...[0, 15, 16, 64, 65, 65_535, 65_536].map((n): [string, unknown] => [`an array of ${n}`, times(n, (i) => i)]),
    ...[0, 15, 16, 65_535, 65_536].map((n): [string, unknown] => [`an object of ${n}`, Object.fromEntries(times(n, (i) => [`k${i}`, i]))]),
    ...[0.5, 1e300, -0.1, 2 ** 40, -(2 ** 40), 127, 128, -128, -129, 32_768, -32_769].map((n): [string, unknown] => [`the number ${n}`, n]),
    ['a large number', 2n ** 40n],
    ['a large negative number', -(2n ** 40n)],
    ['an element that is missing', [1, undefined, 2]],
  ])('reads %s', (_, value) => {
    expect(decodeValue(pack(value))).toEqual(typeof value === 'bigint' ? Number(value) : value);
  }); // prettier-ignore
  it('reads numbers of four bytes with a point', () => {
    expect(decodeValue(new Uint8Array([0xca, 0x3f, 0xc0, 0, 0]))).toBe(1.5);
  });
  it('never takes a text for another one that it resembles', () => {
    // More than there are places, of all lengths that are remembered, twice.
    const all = times(6000, (i) => `${'a'.repeat(i % 33)}${i.toString(36)}`);
    for (const round of [all, all.toReversed()])
      for (const one of round) expect(decodeValue(pack({ [one]: one }))).toEqual({ [one]: one });
    for (const one of ['Ã©', 'é', 'Ã©', '\ufffd']) expect(decodeValue(pack(one))).toBe(one);
    expect(decodeValue(new Uint8Array([0xa2, 0xc3, 0xa9]))).toBe('é');
    expect(decodeValue(new Uint8Array([0xa1, 0xe9]))).toBe('\ufffd');
  });
  it('reads what lies in the midst of a buffer', () => {
    const whole = Buffer.concat([pack('before'), pack({ a: ['x', 1.5, 'y'.repeat(100)] }), pack('after')]);
    const part = whole.subarray(pack('before').length, whole.length - pack('after').length);
    expect(decodeValue(part)).toEqual({ a: ['x', 1.5, 'y'.repeat(100)] });
    expect(decodeValues(whole)).toEqual(['before', { a: ['x', 1.5, 'y'.repeat(100)] }, 'after']);
  });
  it('refuses all that ends too early', () => {
    const message = pack({ a: [1, 300, 70_000, 2 ** 40, 0.5, 'x'.repeat(50), new Uint8Array(9)], metadata: { managedFields: [{ b: 'c' }], z: -200 } });
    for (let length = 1; length < message.length; length++)
      for (const read of [decodeValue, decodeLean])
        expect(() => read(message.subarray(0, length)), String(length)).toThrow('ends too early');
  }); // prettier-ignore
});

describe('decodeLean', () => {
  it('leaves out what is in metadata.managedFields, whatever it is, and nothing else', () => {
    fc.assert(
      fc.property(values, values, fc.dictionary(text, values), (managedFields, other, metadata) => {
        const lean = { ...metadata };
        delete lean['managedFields'];
        const spec = { metadata: { managedFields: other }, managedFields: other };
        const whole = { apiVersion: 'v1', metadata: { ...lean, managedFields, z: 1 }, spec, status: other };
        expect(told(decodeLean(pack(whole)))).toBe(told({ ...whole, metadata: { ...lean, z: 1 } }));
      }),
    );
  });
  it.each([[[]], [{}], ['text'], [{ metadata: null }], [{ metadata: [{ managedFields: 1 }] }], [{ managedFields: 1 }]])(
    'reads %j as it is',
    (value) => {
      expect(decodeLean(pack(value))).toEqual(value);
    },
  );
  it('refuses what follows a value', () => {
    expect(() => decodeLean(new Uint8Array([0x80, 0x01]))).toThrow('1 bytes are left');
  });
});
