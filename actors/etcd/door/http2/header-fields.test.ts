import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadHeaders, headerBlock, HeaderReader, TooManyHeaders, type Field } from './header-fields.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const LIMIT = 1_000;

describe("a connection's headers", () => {
  // Source: RFC 7541 appendix C.4, and C.3 for the first one without Huffman codes.
  it.each([
    ['as they are', ['8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d', '8286 84be 5808 6e6f 2d63 6163 6865', '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65']],
    ['in Huffman codes', ['8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff', '8286 84be 5886 a8eb 1064 9cbf', '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf']],
  ])('are read %s, with what earlier ones put into the table', (_, blocks) => {
    const reader = new HeaderReader(LIMIT);
    const host = [':authority', 'www.example.com'];
    expect(blocks.map((block) => reader.read(hex(block)))).toEqual([
      [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], host],
      [[':method', 'GET'], [':scheme', 'http'], [':path', '/'], host, ['cache-control', 'no-cache']],
      [[':method', 'GET'], [':scheme', 'https'], [':path', '/index.html'], host, ['custom-key', 'custom-value']],
    ]);
  }); // prettier-ignore
  it('are written as they are read', () => {
    const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)), maxLength: 400 }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), (fields) => {
        expect(new HeaderReader(1e6).read(headerBlock(fields))).toEqual(fields);
      }),
    );
    expect(headerBlock([[':status', '200']])).toEqual(hex('88'));
  });
  it('are forgotten, the oldest first, where they take more than their place', () => {
    const reader = new HeaderReader(1e6);
    const kept = (value: string): Buffer => Buffer.concat([hex('40'), headerBlock([['x', value]]).subarray(1)]);
    for (const digit of ['1', '2', '3']) reader.read(kept(digit.repeat(1_900)));
    const indexed: Field[] = reader.read(hex('bebf'));
    expect(indexed.map(([, value]) => value[0])).toEqual(['3', '2']);
    expect(() => reader.read(hex('c0'))).toThrow('there is no field 64');
    // One that is larger than the whole table leaves it empty.
    reader.read(kept('4'.repeat(5_000)));
    expect(() => reader.read(hex('be'))).toThrow('there is no field 62');
  });
  it.each([
    ['a field that there is not', '80', BadHeaders],
    ['a field beyond the table', 'c0', BadHeaders],
    ['a text that is cut short', '4005 61', BadHeaders],
    ['a field that is cut short', '40', BadHeaders],
    ['a number without end', 'ff ff ff ff ff ff ff', BadHeaders],
    ['the end of the Huffman code in a text', '00 84 ff ff ff ff 00', BadHeaders],
    ['a Huffman code with too long an end', '00 83 1c 64 ff 00', BadHeaders],
    ['a Huffman code that ends in zeros', '00 81 18 00', BadHeaders],
    ['a larger table than there is', '3f e2 1f', BadHeaders],
    ['a change of the table in the middle', '82 20', BadHeaders],
    ['more than is let in', `00 01 61 7f f0 06${'61'.repeat(1_007)}`, TooManyHeaders],
  ])('with %s are refused', (_, block, error) => {
    expect(() => new HeaderReader(LIMIT).read(hex(block))).toThrow(error);
  });
  it('may be of any bytes: none but these errors comes of them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          new HeaderReader(LIMIT).read(bytes);
        } catch (error) {
          expect(error instanceof BadHeaders || error instanceof TooManyHeaders).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
