import { inDocumentOrder } from './json-duplicates.ts';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { assertKept, JsonSyntaxError, parseDeepJson, parseJson } from './json.ts';
import { parseYaml } from './yaml.ts';
import { printYaml } from './yaml-print.ts';

/** Texts of Go's encoding/json. */
it.each([
  ['', 'unexpected end of JSON input'], ['{', 'unexpected end of JSON input'], ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
  ['[1,]', "invalid character ']' looking for beginning of value"], ['{"a":1}x', "invalid character 'x' after top-level value"],
  ['{"a" 1}', "invalid character '1' after object key"], ['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
  ['[1 2]', "invalid character '2' after array element"], ['tru', 'unexpected end of JSON input'], ['trux', "invalid character 'x' in literal true (expecting 'e')"],
  ['"\\x"', "invalid character 'x' in string escape code"], ['"\u0001"', "invalid character '\\x01' in string literal"], ['01', "invalid character '1' after top-level value"],
  ['1.x', "invalid character 'x' after decimal point in numeric literal"], ['-x', "invalid character 'x' in numeric literal"],
  ['"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"],
])('refuses %j', (text, message) => expect(() => parseJson(text)).toThrow(message)); // prettier-ignore

const nested = (n: number): string => '['.repeat(n) + ']'.repeat(n);
it('reads ten thousand levels as the real decoder does, and says which are too deep to keep', () => {
  expect(parseDeepJson(nested(10_000))).toMatchObject({ duplicates: [], deep: true });
  expect(() => parseDeepJson(nested(10_001))).toThrow("invalid character '[' exceeded max depth");
  expect(() => parseDeepJson('{"a":'.repeat(700_000))).toThrow("invalid character '{' exceeded max depth");
  expect(() => parseDeepJson('['.repeat(9_000))).toThrow(JsonSyntaxError);
  expect(() => parseDeepJson('{"a":1,"a":'.repeat(9_000) + '1' + '}'.repeat(9_000))).toThrow(JsonSyntaxError);
  expect(() => parseJson(nested(1000))).toThrow("invalid character '[' exceeded max depth");
  expect(parseJson(nested(999)).deep).toBeUndefined();
  expect(() => assertKept(parseDeepJson(nested(1000)).value)).not.toThrow();
  expect(() => assertKept(parseDeepJson(nested(1002)).value)).toThrow('exceeded max depth of 1000 for what is kept');
  // Brackets in strings are no nesting.
  expect(parseJson(JSON.stringify('['.repeat(2000))).value).toHaveLength(2000);
});
it.each([
  ['x\xff\xfey', 'x\ufffd\ufffdy'],
  ['x\xe2\x82y', 'x\ufffd\ufffdy'],
  ['x\xed\xa0\x80y', 'x\ufffd\ufffd\ufffdy'],
  ['x\xc0\x80y', 'x\ufffd\ufffdy'],
  ['\xf4\x90\x80\x80', '\ufffd\ufffd\ufffd\ufffd'],
  ['\xc3\xa4\xff', 'ä\ufffd'],
  [String.raw`x\ud800y`, 'x\ufffdy'],
  [String.raw`\ude00\ud83d\ude00\ud83d`, '\ufffd😀\ufffd'],
  [String.raw`\\ud800`, String.raw`\ud800`],
])('reads the string %j as the real decoder does: U+FFFD for what is no Unicode', (bytes, text) => {
  expect(parseJson(Buffer.from(`{"a":"${bytes}"}`, 'latin1')).value).toEqual({ a: text });
});
it('refuses bytes outside of strings, and a byte order mark', () => {
  expect(() => parseJson(Buffer.from('{"a":1,\xff"b":1}', 'latin1'))).toThrow(
    "invalid character 'ÿ' looking for beginning of object key string",
  );
  expect(() => parseJson(Buffer.from('\ufeff{}'))).toThrow("invalid character 'ï' looking for beginning of value");
});
it.each([
  ['a: x\xff\n', 'invalid leading UTF-8 octet'],
  ['a: x\xe2\x82', 'incomplete UTF-8 octet sequence'],
  ['a: x\xe2\x82y\n', 'invalid trailing UTF-8 octet'],
  ['a: "x\xc0\x80y"\n', 'invalid length of a UTF-8 sequence'],
  ['a: x\xed\xa0\x80\n', 'invalid Unicode character'],
  ['a: x\x01\n', 'control characters are not allowed'],
  ['a: x\x7f\n', 'control characters are not allowed'],
])('refuses YAML %j with the real text', async (bytes, why) => {
  await expect(parseYaml(Buffer.from(bytes, 'latin1'))).rejects.toThrow(`yaml: ${why}`);
});
it('reads JSON sent as YAML as deep as JSON', async () => {
  expect((await parseYaml(`{"x": ${nested(9_999)}}`)).deep).toBe(true);
  await expect(parseYaml(`{"x": ${nested(10_000)}}`)).rejects.toThrow('yaml: exceeded max depth of 10000');
  await expect(parseYaml(`x:\n  ${'- '.repeat(20_000)}a\n`)).rejects.toThrow('yaml: exceeded max depth of 10000');
});
it('reads whatever JSON.stringify writes, and sees no duplicates in it', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    expect({ ...parseJson(text), spelled: undefined }).toEqual({ value: JSON.parse(text), duplicates: [] });
  })); // prettier-ignore
});
it('never takes what JSON.parse refuses, and never throws anything else', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'{}[]":,\\ntrue10.-e '.split('')) }), (text) => {
    try {
      JSON.parse(text);
    } catch {
      expect(() => parseJson(text)).toThrow(JsonSyntaxError);
      return;
    }
    parseJson(text);
  }), { numRuns: 2000 }); // prettier-ignore
});
it('tells what the decoder minds in the order of the document', () => {
  const told = ['duplicate field "a.b"', 'unknown field "a.x"', 'unknown field "z"'];
  expect(inDocumentOrder('{"z":1,"a":{"b":1,"x":{"b":2},"b":3}}', told)).toEqual([
    'unknown field "z"',
    'unknown field "a.x"',
    'duplicate field "a.b"',
  ]);
});
it('names duplicates by their path; the last value counts', () => {
  expect(parseJson('{"a":1,"b":[{"c":1,"c":{"d":1,"d":2}}],"a":"\\"a\\":"}')).toEqual({
    value: { a: '"a":', b: [{ c: { d: 2 } }] },
    duplicates: ['duplicate field "b[0].c"', 'duplicate field "b[0].c.d"', 'duplicate field "a"'],
  });
});

it('reads YAML as Go does: 1.1, but times and base 60 stay text', async () => {
  const { value, duplicates } = await parseYaml(
    'a: yes\nb: 0644\nc: 2020-01-01\nd: "1"\ne: 1:30\nf: 1.0\ng: ~\na: 2\n',
  );
  expect(value).toEqual({ a: 2, b: 420, c: '2020-01-01', d: '1', e: '1:30', f: 1, g: null });
  expect(duplicates).toEqual(['line 8: key "a" already set in map']);
});
it('refuses YAML with the real text, and bombs', async () => {
  await expect(parseYaml('a b: c: d')).rejects.toThrow('yaml: mapping values are not allowed in this context');
  await expect(parseYaml(`x: ${nested(20_000)}`)).rejects.toThrow('yaml: exceeded max depth');
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${i - 1}`).join(',')}]`,
  );
  await expect(parseYaml(bomb.join('\n'))).rejects.toThrow('yaml: ');
});
it('prints sorted, and quotes what would read as something else', async () => {
  const value = { b: 'yes', a: [{ d: '1', c: 1 }], t: '2020-01-01T00:00:00Z' };
  expect(printYaml(value)).toBe('a:\n- c: 1\n  d: "1"\nb: "yes"\nt: "2020-01-01T00:00:00Z"\n');
  expect((await parseYaml(printYaml(value))).value).toEqual(value);
});
