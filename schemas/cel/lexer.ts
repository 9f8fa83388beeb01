import type { Issue } from './messages.ts';

/** Kinds of tokens, under the names that a syntax error gives them. */
export interface Token {
  readonly kind: string;
  readonly text: string;
  /** In UTF-16 units. */
  readonly at: number;
}
export const EOF = '<EOF>';
const SPACE = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?${'`'}]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2})`;
const STRINGS = [
  String.raw`[rR]"""[^]*?"""`,
  String.raw`[rR]'''[^]*?'''`,
  String.raw`"""(?:${ESCAPE}|[^\\])*?"""`,
  String.raw`'''(?:${ESCAPE}|[^\\])*?'''`,
  String.raw`[rR]"[^"\n\r]*"`,
  String.raw`[rR]'[^'\n\r]*'`,
  String.raw`"(?:${ESCAPE}|[^\\"\n\r])*"`,
  String.raw`'(?:${ESCAPE}|[^\\'\n\r])*'`,
].join('|');
const RULES: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['BYTES', new RegExp(`[bB](?:${STRINGS})`, 'y')],
  ['STRING', new RegExp(STRINGS, 'y')],
  ['NUM_FLOAT', /(?:[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)/y],
  ['NUM_UINT', /(?:0x[0-9a-fA-F]+|[0-9]+)[uU]/y],
  ['NUM_INT', /(?:0x[0-9a-fA-F]+|[0-9]+)/y],
  ['IDENTIFIER', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['ESC_IDENTIFIER', /`[A-Za-z0-9_.\-/ ]+`/y],
  ['', /==|!=|<=|>=|&&|\|\||[[\]{}().,\-!?:+*/%<>]/y],
];
const KEYWORDS = new Set(['in', 'true', 'false', 'null']);

/** Cuts a source into tokens; the last one is EOF. What is no token is skipped and told. Source: cel-go parser/gen/CEL.g4. */
export function tokens(source: string): {
  readonly tokens: readonly Token[];
  readonly problems: readonly Issue[];
  /** The source with what is no token blanked out by null characters. */
  readonly readable: string;
} {
  const readable: string[] = [];
  let shown = 0;
  const out: Token[] = [];
  const problems: Issue[] = [];
  let at = 0;
  while (true) {
    SPACE.lastIndex = at;
    if (SPACE.test(source)) at = SPACE.lastIndex;
    if (at >= source.length) break;
    const token = next(source, at);
    if (token) {
      out.push(token);
      at += token.text.length;
      continue;
    }
    const end = Math.min(failsAt(source, at) + 1, source.length);
    problems.push({ at, message: `Syntax error: token recognition error at: '${source.slice(at, end)}'` });
    readable.push(source.slice(shown, at), '\0'.repeat(end - at));
    shown = end;
    at = end;
  }
  out.push({ kind: EOF, text: EOF, at: source.length });
  return { tokens: out, problems, readable: readable.join('') + source.slice(shown) };
}
function next(source: string, at: number): Token | undefined {
  for (const [kind, pattern] of RULES) {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return { kind: kind === '' || KEYWORDS.has(text) ? text : kind, text, at };
  }
  return undefined;
}
/** Where what begins like a token goes wrong: the lexer gives up all up to there. */
function failsAt(source: string, at: number): number {
  const first = source[at]!;
  if (first === '`') return after(/`[A-Za-z0-9_.\-/ ]*/y, source, at);
  if (first === '"' || first === "'") return stringEnd(source, at, first);
  if (first === '&' || first === '|' || first === '=') return at + 1;
  // A code point outside the basic plane is one character.
  return source.codePointAt(at)! > 0xffff ? at + 1 : at;
}
function after(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return at + (pattern.exec(source)?.[0].length ?? 0);
}
const BEGUN = /\\(?:[xX][0-9a-fA-F]?|u[0-9a-fA-F]{0,3}|U[0-9a-fA-F]{0,7}|[0-3][0-7]?)?/y;
function stringEnd(source: string, at: number, quote: string): number {
  const end = after(new RegExp(`${quote}(?:${ESCAPE}|[^\\\\${quote}\\n\\r])*`, 'y'), source, at);
  return source[end] === '\\' ? after(BEGUN, source, end) : end;
}
