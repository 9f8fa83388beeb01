import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseSchema } from './schema.ts';

const schema = parseSchema(`
message Inner { string name = 1; uint32 count = 2; }
message Outer { string text = 1; bytes blob = 2; bool flag = 3; int64 number = 4; double ratio = 5; Inner inner = 6;
  repeated string words = 7; repeated Inner inners = 8; map<string, string> labels = 9; map<string, Inner> byName = 10; repeated int64 numbers = 11; }
`);
const inner = fc.record({ name: fc.string({ unit: 'binary' }), count: fc.nat() });
const key = fc.string().filter((text) => text !== '__proto__');
const outer = fc.record({
  text: fc.string({ unit: 'binary' }),
  blob: fc.uint8Array(),
  flag: fc.boolean(),
  number: fc.maxSafeInteger(),
  ratio: fc.double({ noNaN: true }),
  inner: fc.option(inner, { nil: undefined }),
  words: fc.array(fc.string()),
  inners: fc.array(inner),
  labels: fc.dictionary(key, fc.string(), { noNullPrototype: true }),
  byName: fc.dictionary(key, inner, { noNullPrototype: true }),
  numbers: fc.array(fc.maxSafeInteger()),
});
const plain = (value: Record<string, unknown>) => {
  const { inner: one, ...rest } = value;
  return { ...rest, blob: [...(value['blob'] as Uint8Array)], ratio: (value['ratio'] as number) + 0, ...(one !== undefined && { inner: one }) };
}; // prettier-ignore

describe('messages', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(outer, (value) => {
        const read = schema.decode('Outer', schema.encode('Outer', value));
        expect(plain(read)).toEqual(plain(value));
      }),
    );
  });
  it('have zeroes for what is not there, and nothing for messages', () => {
    expect(schema.decode('Outer', new Uint8Array(0))).toEqual({
      text: '',
      blob: new Uint8Array(0),
      flag: false,
      number: 0,
      ratio: 0,
      words: [],
      inners: [],
      labels: {},
      byName: {},
      numbers: [],
    });
  });
  it('are as protobuf has them', () => {
    expect(schema.encode('Inner', { name: 'ab', count: 300 }).toString('hex')).toBe('0a02616210ac02');
    expect(schema.encode('Outer', { labels: { a: 'b' } }).toString('hex')).toBe('4a060a0161120162');
  });
  it('skip fields that nobody knows', () => {
    const more = parseSchema('message Inner { string name = 1; string newer = 7; double x = 9; }');
    expect(schema.decode('Inner', more.encode('Inner', { name: 'a', newer: 'b', x: 1.5 }))).toEqual({
      name: 'a',
      count: 0,
    });
  });
  it('take numbers that are packed and numbers that are not', () => {
    const packed = Buffer.from([0x5a, 0x03, 0x01, 0xac, 0x02]);
    expect(schema.decode('Outer', packed)['numbers']).toEqual([1, 300]);
    expect(schema.decode('Outer', Buffer.from([0x58, 0x01, 0x58, 0xac, 0x02]))['numbers']).toEqual([1, 300]);
  });
  it.each([
    ['cut short', [0x0a, 0x05, 0x61]],
    ['of another type', [0x08, 0x01]],
  ])('that are %s are refused', (_, bytes) => expect(() => schema.decode('Inner', Buffer.from(bytes))).toThrow());
  it('of a type that is not defined are refused when the text is read', () => {
    expect(() => parseSchema('message A { B b = 1; }')).toThrow('no message B in this schema');
  });
});
