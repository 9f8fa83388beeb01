/** Nesting beyond this is refused. Source: encoding/json maxNestingDepth. */
export const MAX_DEPTH = 10_000;
/** Nesting that is kept: what walks an object recursively, on its way to the store and to readers, must not overflow the stack. */
export const KEPT_DEPTH = 999;

const END = 'unexpected end of JSON input';
const LITERALS = ['true', 'false', 'null'];

/** A character as Go quotes it in errors. Source: encoding/json quoteChar. */
export function quoteChar(c: string): string {
  if (c === "'") return String.raw`'\''`;
  if (c === '"') return `'"'`;
  const code = c.codePointAt(0)!;
  if (c === '\\') return String.raw`'\\'`;
  const named = '\u0007a\bb\ff\nn\rr\tt\vv';
  const at = named.indexOf(c);
  if (at >= 0 && at % 2 === 0) return `'\\${named[at + 1]}'`;
  if (code < 0x20 || code === 0x7f) return `'\\x${code.toString(16).padStart(2, '0')}'`;
  return `'${c}'`;
}
class Fail extends Error {}

/** What Go's decoder says about a text that JSON.parse refused; undefined if it finds nothing wrong. Go reads bytes. */
export function syntaxError(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  let i = 0;
  const fail = (context: string): never => {
    const c = text[i];
    throw new Fail(c === undefined ? END : `invalid character ${quoteChar(c)} ${context}`);
  };
  const space = (): void => {
    while (i < text.length && ' \t\r\n'.includes(text[i]!)) i++;
  };
  const string = (): void => {
    for (i++; ; i++) {
      const c = text[i];
      if (c === undefined || c < ' ') fail('in string literal');
      if (c === '"') return void i++;
      if (c !== '\\') continue;
      i++;
      if (text[i] === 'u') {
        for (let n = 0; n < 4; n++) {
          i++;
          if (!/[0-9a-fA-F]/.test(text[i] ?? '')) fail(String.raw`in \u hexadecimal character escape`);
        }
      } else if (!'bfnrt\\/"'.includes(text[i] ?? ' ')) fail('in string escape code');
    }
  };
  const digits = (context: string): void => {
    if (!/[0-9]/.test(text[i] ?? '')) fail(context);
    while (/[0-9]/.test(text[i] ?? '')) i++;
  };
  const number = (): void => {
    if (text[i] === '-') i++;
    if (text[i] === '0') i++;
    else digits('in numeric literal');
    if (text[i] === '.') {
      i++;
      digits('after decimal point in numeric literal');
    }
    if (text[i] === 'e' || text[i] === 'E') {
      i++;
      if (text[i] === '+' || text[i] === '-') i++;
      digits('in exponent of numeric literal');
    }
  };
  const members = (close: string, after: string, one: () => void): void => {
    i++;
    space();
    if (text[i] === close) return void i++;
    for (;;) {
      one();
      space();
      if (text[i] === close) return void i++;
      if (text[i] !== ',') fail(after);
      i++;
      space();
    }
  };
  const value = (): void => {
    space();
    const c = text[i];
    if (c === '{')
      members('}', 'after object key:value pair', () => {
        if (text[i] !== '"') fail('looking for beginning of object key string');
        string();
        space();
        if (text[i] !== ':') fail('after object key');
        i++;
        value();
      });
    else if (c === '[') members(']', 'after array element', value);
    else if (c === '"') string();
    else if (c !== undefined && (c === '-' || /[0-9]/.test(c))) number();
    else {
      const literal = LITERALS.find((l) => l[0] === c);
      if (literal === undefined) return fail('looking for beginning of value');
      for (const expected of literal) {
        if (text[i] !== expected) fail(`in literal ${literal} (expecting ${quoteChar(expected)})`);
        i++;
      }
    }
  };
  try {
    value();
    space();
    if (i < text.length) fail('after top-level value');
    return undefined;
  } catch (error) {
    if (error instanceof Fail) return error.message;
    // Deeper than this reader can go: the text was refused for something else, but what, is not found.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
