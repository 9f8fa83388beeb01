import { describe, expect, it } from 'vitest';
import { commandOf, expand, expandSubPath, staticCommandOf } from './expansion.ts';
import { valueInEnvFile } from './env-file.ts';

const known = new Map([['A', 'one'], ['B.C', 'two'], ['EMPTY', '']]); // prettier-ignore

describe('references to variables', () => {
  it.each([
    ['$(A)', 'one'],
    ['$(A)$(B.C)', 'onetwo'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$$$$(A)', '$$(A)'],
    ['$(NONE)', '$(NONE)'],
    ['$(A', '$(A'],
    ['$(', '$('],
    ['$', '$'],
    ['$A', '$A'],
    ['$x$(A)', '$xone'],
    ['$($(A))', '$($(A))'],
    ['$()', '$()'],
    ['é$(EMPTY)é', 'éé'],
    ['$\n$(A)', '$\none'],
  ])('%j: %j', (text, expanded) => expect(expand(text, known)).toBe(expanded));
  it('are looked for where they come first', () => {
    expect(expand('$(A) $(Z)', new Map([['A', '1']]), new Map([['A', '2'], ['Z', '3']]))).toBe('1 3'); // prettier-ignore
  });
  it('stand in commands, in probes only those written out, in paths only those that have a value', () => {
    const variables = [{ name: 'A', value: 'one' }, { name: 'E', value: '' }]; // prettier-ignore
    expect(commandOf({ command: ['$(A)'], args: ['$$(A)', '$(N)'] }, variables)).toEqual({
      command: ['one'],
      args: ['$(A)', '$(N)'],
    });
    expect(commandOf({}, variables)).toEqual({ command: [], args: [] });
    expect(staticCommandOf(['$(X)', '$(Y)'], [{ name: 'X' }])).toEqual(['', '$(Y)']);
    expect(expandSubPath('a/$(A)', variables)).toBe('a/one');
    expect(() => expandSubPath('$(Z)/$(E)/$(A)/$(Y)', variables)).toThrow('missing value for E, Y, Z');
  });
});

describe('a file of variables', () => {
  it.each([
    ["A='1'", '1'],
    ["  A='1' # x", '1'],
    ["B='1'\nA='2'\n", '2'],
    ["A='1'\r\n", '1'],
    ["A='a\n\nb'", 'a\n\nb'],
    ["A= '1'", ''],
    ['', ''],
    ["#A='1'", ''],
  ])('%j says %j', (text, value) => expect(valueInEnvFile(text, 'A')).toBe(value));
  it.each([
    ['A', "at line 1: missing '='"],
    ['\n=x', 'at line 2: empty variable name'],
    ["A ='x'", "at line 1: whitespace before '=' is not allowed"],
    ['A=x', 'at line 1: value must be enclosed in single quotes'],
    ["A='x'y", 'at line 1: unexpected content after closing quote'],
    ["B='1'\nA='x\ny", 'starting at line 2: unclosed single quote'],
  ])('%j says nothing', (text, why) => {
    expect(() => valueInEnvFile(text, 'A')).toThrow(`invalid environment variable format ${why}`);
  });
});
