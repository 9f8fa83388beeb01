import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeValue } from './encoder.ts';
import { packr } from './testing/packr.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const times = <T>(n: number, of: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => of(i));
const fields = (n: number): Record<string, number> => Object.fromEntries(times(n, (i) => [`key-${i}`, i]));

/** What bodies hold, and some of what they do not. */
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.string({ maxLength: 300 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.constantFrom(null, true, false, undefined, -0, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 31) - 1),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 40 }), tie('value'), { maxKeys: 20 }),
  ),
})).value;

describe('encodeValue', () => {
  it('writes byte for byte what msgpackr writes', () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(hex(encodeValue(value))).toBe(hex(packr.pack(value)));
      }),
      { numRuns: 3000 },
    );
  });
  it.each([
    ...[0, 15, 16, 31, 32, 47, 48, 255, 256, 65_535, 65_536].map((n): [string, unknown] => [`a text of ${n}`, 'x'.repeat(n)]),
    ...[15, 16, 31, 32, 47, 48, 127, 128, 32_767, 32_768].map((n): [string, unknown] => [`a foreign text of ${n}`, 'é'.repeat(n)]),
    ...[0, 255, 256, 65_535, 65_536].map((n): [string, unknown] => [`${n} bytes`, { bytes: new Uint8Array(n) }]),
    ...[0, 15, 16, 65_535, 65_536].map((n): [string, unknown] => [`an array of ${n}`, times(n, (i) => i)]),
    ...[0, 15, 16, 17, 65_535].map((n): [string, unknown] => [`an object of ${n}`, { of: fields(n), after: 'it' }]),
    ['an object in which many fields are undefined', { ...fields(10), ...Object.fromEntries(times(10, (i) => [`no-${i}`, undefined])) }],
    ['objects that are large within each other', { ...fields(20), a: { ...fields(20), b: fields(20) } }],
    ['what has a constructor of its own', { constructor: 'x', hasOwnProperty: 'y', toString: 1 }],
    ['an object without a prototype', { a: Object.assign(Object.create(null) as object, { b: 1 }) }],
    ['what has a class', [new (class Point { x = 1; y = undefined })()]],
    ['what has a field of the name of a method', { toJSON: 'x' }],
    ['an element that is missing', [1, undefined, 2]],
    ['a part of a buffer', { part: Buffer.from('abcdef').subarray(2, 4) }],
    ['a large number', { n: 2n ** 40n, m: -(2n ** 40n) }],
  ])('does so with %s', (_, value) => {
    expect(hex(encodeValue(value))).toBe(hex(packr.pack(value)));
  }); // prettier-ignore
  it('writes what says how it is written as JSON does', () => {
    const at = new Date(1_767_225_600_000);
    const value = { at, a: { toJSON: () => ['text'] } };
    expect(hex(encodeValue(value))).toBe(hex(packr.pack({ at: at.toISOString(), a: ['text'] })));
  });
  it('leaves messages alone that were written before', () => {
    const written = times(2_000, (i) => ({ i, bytes: encodeValue({ text: 'x'.repeat((i * 37) % 3_000), i }) }));
    for (const { i, bytes } of written)
      expect(hex(bytes)).toBe(hex(packr.pack({ text: 'x'.repeat((i * 37) % 3_000), i })));
  });
  it('goes on after a value that cannot be written', () => {
    const before = encodeValue({ a: 1 });
    expect(() => encodeValue({ text: 'x'.repeat(40_000), wrong: Symbol('none') })).toThrow('symbol');
    expect(hex(encodeValue({ b: 2 }))).toBe(hex(packr.pack({ b: 2 })));
    expect(hex(before)).toBe(hex(packr.pack({ a: 1 })));
  });
});
