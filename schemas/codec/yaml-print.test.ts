import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { parseYaml } from './yaml.ts';
import { printYaml } from './yaml-print.ts';

describe('YAML is printed as Go prints it', () => {
  it.each<readonly [value: unknown, text: string]>([
    [{ b: 1, a: [{ c: 1, d: [] }, {}], e: null }, 'a:\n- c: 1\n  d: []\n- {}\nb: 1\ne: null\n'],
    [{ k10: 1, k9: 1, 'a/b': 1, A: 1, '1': 1, '.': {} }, '.: {}\n"1": 1\nA: 1\na/b: 1\nk9: 1\nk10: 1\n'],
    [{ a: 'yes', b: '1e3', c: 'e1', d: '.5', e: '2020-01-02', f: '12:30' }, 'a: "yes"\nb: "1e3"\nc: e1\nd: ".5"\ne: "2020-01-02"\nf: "12:30"\n'], // prettier-ignore
    [{ a: 'a: b', b: "it's", c: '#x', d: ' x', e: '- x', f: '-x', g: 'a #b' }, "a: 'a: b'\nb: it's\nc: '#x'\nd: ' x'\ne: '- x'\nf: -x\ng: 'a #b'\n"], // prettier-ignore
    [{ a: 'x\ny\n', b: 'x\n\ny', c: ' x\ny', d: 'x \ny' }, 'a: |\n  x\n  y\nb: |-\n  x\n\n  y\nc: |2-\n   x\n  y\nd: "x \\ny"\n'], // prettier-ignore
    [{ a: '\t', b: '😀', c: '\u0001', d: 'é' }, 'a: "\\t"\nb: "\\U0001F600"\nc: "\\x01"\nd: é\n'],
    [{ a: [[1, [2]], [{ b: [3] }]] }, 'a:\n- - 1\n  - - 2\n- - b:\n    - 3\n'],
    [{ a: `${'word '.repeat(17)}end end` }, `a: ${'word '.repeat(15)}word\n  word end end\n`],
    [{ a: 1.5, b: 1e21, c: 1e-7, d: 1234567.5 }, 'a: 1.5\nb: 1e+21\nc: 1e-07\nd: 1.2345675e+06\n'],
  ])('%j', (value, text) => {
    expect(printYaml(value)).toBe(text);
  });

  it('and read back as it was', async () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string(), fc.constantFrom('.', 'e1', '0x1F', 'no', '1_0', 'a\n', ' b', '-')); // prettier-ignore
    const word = text.filter((t) => !/[\p{Cc}\p{Cs}\u2028\u2029\ufeff\ufffe\uffff]/u.test(t.replaceAll('\n', '')) && t !== '<<'); // prettier-ignore
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 3 }, word, fc.integer(), fc.boolean(), fc.constant(null), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(word.filter((k) => k !== '__proto__'), tie('value'), { maxKeys: 4 })), // prettier-ignore
    }));
    await fc.assert(
      fc.asyncProperty(value, async (given) => {
        expect((await parseYaml(printYaml({ given }))).value).toEqual({ given });
      }),
      { numRuns: 200 },
    );
  });
});
