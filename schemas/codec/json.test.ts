import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonSyntaxError, parseJson } from './json.ts';
import { parseYaml, printYaml } from './yaml.ts';

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
it('refuses nesting of a thousand levels, and takes what is just below', () => {
  expect(() => parseJson(nested(1000))).toThrow('exceeded max depth');
  expect(parseJson(nested(999)).duplicates).toEqual([]);
  // Brackets in strings are no nesting.
  expect(parseJson(JSON.stringify('['.repeat(2000))).value).toHaveLength(2000);
});
it('refuses bytes that are no UTF-8', () => {
  expect(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(JsonSyntaxError);
});
it('reads whatever JSON.stringify writes, and sees no duplicates in it', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = JSON.stringify(value);
    expect(parseJson(text)).toEqual({ value: JSON.parse(text), duplicates: [] });
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
  await expect(parseYaml(`${'['.repeat(1500)}${']'.repeat(1500)}`)).rejects.toThrow('yaml: exceeded max depth');
  const bomb = Array.from(
    { length: 12 },
    (_, i) => `a${i}: &a${i} [${i === 0 ? 'x' : Array.from({ length: 9 }, () => `*a${i - 1}`).join(',')}]`,
  );
  await expect(parseYaml(bomb.join('\n'))).rejects.toThrow('yaml: ');
});
it('prints sorted, and quotes what would read as something else', async () => {
  const value = { b: 'yes', a: [{ d: '1', c: 1 }], t: '2020-01-01T00:00:00Z' };
  expect(await printYaml(value)).toBe('a:\n- c: 1\n  d: "1"\nb: "yes"\nt: "2020-01-01T00:00:00Z"\n');
  expect((await parseYaml(await printYaml(value))).value).toEqual(value);
});
