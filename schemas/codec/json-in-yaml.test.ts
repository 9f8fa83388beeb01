import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonInYaml } from './json-in-yaml.ts';
import { parseYaml } from './yaml.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('JSON in YAML', () => {
  it.each(['{}', '{"a":1,"b":[1.50,-2e3,true,null,"x\\n\\u00e9 # : - \\"",{}]}', '{\n  "a": "ü",\n  "b": "---"\n}\n'])(
    'is read as JSON: %s',
    async (text) => {
      expect(jsonInYaml(bytes(text))).toEqual((await parseYaml(bytes(text))).value);
    },
  );

  it.each([
    'a: 1',
    ' {"a":1}',
    '[1]',
    '{"a":1',
    '{a: 1}',
    '{"a":1,"a":2}',
    '{\t"a":1}',
    '{"a":"\\ud83d\\ude00"}',
    '{"<<":{"a":1}}',
    '{"a":"\u2028"}',
    '{"a":1}\n---\n{"b":2}',
  ])('is left to the YAML parser where it might be another thing: %j', (text) => {
    expect(jsonInYaml(bytes(text))).toBeUndefined();
  });

  it('means what YAML means by it', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('é', '\u2028', '\u0085', '\n', '\ud83d\ude00', '<<', '- a', 'a: b # c', 'yes'),
    );
    const value = fc.dictionary(text, fc.oneof(text, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 5 });
    await fc.assert(
      fc.asyncProperty(value, fc.constantFrom(0, 2), async (object, indent) => {
        const body = bytes(JSON.stringify(object, undefined, indent));
        const found = jsonInYaml(body);
        if (found !== undefined) expect(found).toEqual((await parseYaml(body)).value);
      }),
    );
  });
});
