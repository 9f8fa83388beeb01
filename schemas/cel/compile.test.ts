import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { CelCompileError, celEnvironment, compile, declaredBySchema, sizesWithin } from './index.ts';
import { showType } from './types.ts';

/** What kube-apiserver v1.36's own cel-go said: of a good source its type and estimated cost, of a bad one what is wrong. */
type Row =
  readonly [source: string, problem: string] | readonly [source: string, type: string, min: string, max: string];
const { schema, rows } = JSON.parse(readFileSync(new URL('compile.golden.json', import.meta.url), 'utf8')) as {
  readonly schema: JSONSchemaProps;
  readonly rows: readonly Row[];
};
const declared = declaredBySchema(schema, 'selfType1', true)!;
const environment = celEnvironment({
  variables: { self: declared, oldSelf: declared },
  sizes: sizesWithin(declared),
});
function answer(source: string): readonly string[] {
  try {
    const program = compile(source, environment);
    const { min, max } = program.estimateCost();
    return [showType(program.type), `${min}`, `${max}`];
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return [error.message];
  }
}
const refused = (source: string): string => answer(source)[0]!.split('\n')[0]!;

describe('compile', () => {
  it.each(rows)('says of %j what cel-go says', (source, ...expected) => {
    expect(answer(source)).toEqual(expected);
  });
  it.each([
    ['nesting of brackets', '('.repeat(251) + '1' + ')'.repeat(251), 'expression recursion limit exceeded: 250'],
    ['nesting of lists', '['.repeat(251) + ']'.repeat(251), 'expression recursion limit exceeded: 250'],
    ['chains of fields', `self${'.a'.repeat(251)}`, 'max recursion depth exceeded'],
    ['chains of sums', `1${'+1'.repeat(251)}`, 'max recursion depth exceeded'],
    ['sources', `'${'a'.repeat(100_000)}'`, 'expression code point size exceeds limit: size: 100002, limit 100000'],
  ])('bounds %s', (_what, source, message) => {
    expect(refused(source)).toBe(`ERROR: <input>:-1:0: ${message}`);
  });
  it.each([
    ['nesting behind what is no expression', `) ${'('.repeat(300)}`, 'expression recursion limit exceeded: 250'],
    ['nesting behind what is no token', `# ${'['.repeat(300)}`, 'expression recursion limit exceeded: 250'],
    ['what follows an expression', `1 ) ${'('.repeat(300)}`, 'error recovery token lookahead limit exceeded: 256'],
  ])('bounds the search for further errors: %s', (_what, source, message) => {
    const [first, second] = answer(source)[0]!.split('\n');
    expect(first).toBe(`ERROR: <input>:-1:0: ${message}`);
    expect(second).toMatch(/^ERROR: <input>:1:\d: Syntax error: /);
  });
  it.each([
    ['( ] ', 300],
    [') ( ] [ ', 11_000],
  ])('tells of the first hundred errors in many %j', (part, times) => {
    const lines = answer(part.repeat(times))[0]!.split('\n');
    expect(lines.filter((line) => line.startsWith('ERROR:'))).toHaveLength(100);
    expect(lines.at(-1)).toBe('1 more errors were truncated');
  });
  it.each([
    ['long conjunctions', `true${'&&true'.repeat(10_000)}`],
    ['as many brackets as may be', '('.repeat(249) + '1' + ')'.repeat(249)],
    ['long sources of short characters', `'${'𝒳'.repeat(60_000)}' == ''`],
  ])('reads %s', (_what, source) => {
    expect(refused(source)).not.toMatch(/limit/);
  });
  it.each([
    ['characters that are no tokens', '#'.repeat(100_000)],
    ['quotes', '"'.repeat(99_999)],
    ['brackets that are never closed', 'f(['.repeat(80)],
    ['words in a row', 'a '.repeat(50_000)],
    ['backslashes', '\\'.repeat(100_000)],
    ['minus signs', '-'.repeat(100_000)],
    ['commas', `[${',1'.repeat(40_000)}`],
  ])('refuses many %s soon', (_what, source) => {
    expect(answer(source)[0]).toMatch(/^ERROR/);
  });
  it('refuses macros that double what they are given', () => {
    expect(refused(`optional.of(1)${'.optMap(x, x)'.repeat(60)}`)).toMatch(/too many parts/);
  });
  it('refuses types that double with every step', () => {
    expect(refused(`[1]${'.map(x, {x: x})'.repeat(60)}`)).toMatch(/too large|recursion/);
  });
});

describe('any source', () => {
  const words = fc.constantFrom(
    ..."self oldSelf . ? : , ( ) [ ] { } + - * / % ! && || == != < <= in has all exists map filter optMap sortBy transformMap spec name tags items labels true false null 1 2u 1.5 'a' \"b\" b'c' x y size matches format int string duration timestamp quantity ip `a` \\ @ é 𝒳 // \n".split(
      / (?!$)/,
    ),
  );
  const budget = { numRuns: 400 };
  const check = (source: string): void => {
    const [first] = answer(source);
    expect(typeof first).toBe('string');
  };
  it('of characters is compiled or refused', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), check), budget);
  });
  it('of words is compiled or refused', () => {
    fc.assert(
      fc.property(fc.array(words, { maxLength: 30 }), (parts) => check(parts.join(' '))),
      { numRuns: 1500 },
    );
  });
  it('that differs from a good one in one place is compiled or refused', () => {
    const good = fc.constantFrom(...rows.filter(({ length }) => length === 4).map(([source]) => source));
    fc.assert(
      fc.property(good, fc.nat(), fc.nat(4), words, (source, at, drop, word) => {
        const i = at % (source.length + 1);
        check(source.slice(0, i) + word + source.slice(i + drop));
      }),
      { numRuns: 1500 },
    );
  });
});
