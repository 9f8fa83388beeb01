import { expect, it } from 'vitest';
import { parseYaml } from './yaml.ts';

/** As the real API server words them. */
it.each<[string, string]>([
  ['a: [', 'line 1: did not find expected node content'],
  ['a: {b', "line 1: did not find expected ',' or '}'"],
  ['a: "', 'found unexpected end of stream'],
  ['a: "b\n---\nc"', 'line 2: found unexpected document indicator'],
  ['a: }', 'did not find expected node content'],
  ['a: [b,,c]', 'did not find expected node content'],
  ['a: @b', 'found character that cannot start any token'],
  ['a: %b', 'found character that cannot start any token'],
  ['%YAML 2.0\n---\na: b', 'found incompatible YAML document'],
  ['%FOO\n---\na: b', 'found unknown directive name'],
  ['a: &', 'did not find expected alphabetic or numeric character'],
  ['a: *b', "unknown anchor 'b' referenced"],
  ['a: &b *b', 'did not find expected key'],
  ['a: &a [*a]', "anchor 'a' value contains itself"],
  ['a: &a\n  b: *a', "anchor 'a' value contains itself"],
  ['a: !!int x', 'cannot decode !!str `x` as a !!int'],
  ['a: !!binary x', '!!binary value contains invalid base64 data'],
  ['a: |x', 'did not find expected comment or line break'],
  ['a: |0\n b', 'found an indentation indicator equal to 0'],
  ['a: - b', 'block sequence entries are not allowed in this context'],
  ['a: ? b', 'mapping keys are not allowed in this context'],
  ['? [a]\n: b', 'invalid map key: []interface {}{"a"}'],
  ['{a: b}: c', 'invalid map key: map[interface {}]interface {}{"a":"b"}'],
  ['a:\n  b: c\n d: e', 'line 2: did not find expected key'],
  ['- a\nb: c', "line 1: did not find expected '-' indicator"],
  ['a: b\n- c', 'line 1: did not find expected key'],
  ['a: "\\x"', 'did not find expected hexdecimal number'],
  ['a: "\\q"', 'found unknown escape character'],
  ['a: "\\ud800"', 'found invalid Unicode character escape code'],
  ['a: "b" c', 'did not find expected key'],
  [': b', 'did not find expected key'],
  ['<<: a', 'map merge requires map or sequence of maps as the value'],
  ['a: b\nc', "line 3: could not find expected ':'"],
  ['a: b\nc: d\ne\n\n\nf: g', "line 6: could not find expected ':'"],
  [`${'x'.repeat(1030)}: a`, 'mapping values are not allowed in this context'],
  ['b: &b [x,x,x,x,x,x,x,x,x]\n' + [...'cdefgh'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'bcdefgh'[i]!}`).join(',')}]`).join('\n'), 'document contains excessive aliasing'],
])('%j is refused: %s', async (text, why) => {
  await expect(parseYaml(text)).rejects.toMatchObject({ message: `yaml: ${why}` });
}); // prettier-ignore

it.each<[string, string]>([
  ['a: .inf', 'json: unsupported value: +Inf'],
  ['a: .nan', 'json: unsupported value: NaN'],
  ['~: a', 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "a"'],
])('%j cannot be JSON: %s', async (text, why) => {
  await expect(parseYaml(text)).rejects.toMatchObject({ message: why });
});

it.each<[string | Buffer, unknown]>([
  ['a: 1e400', { a: '1e400' }],
  ['.inf: a', { '.inf': 'a' }],
  ['a: !!binary aGk=', { a: 'hi' }],
  ['a: b\rc: d', { a: 'b', c: 'd' }],
  ['a: &x b\nc: *x', { a: 'b', c: 'b' }],
  [Buffer.from([0xff, 0xfe, ...Buffer.from('a: b', 'utf16le')]), { a: 'b' }],
])('%j is read', async (text, value) => {
  expect((await parseYaml(text)).value).toEqual(value);
});
