const PLAIN = /^[ !#-[\]-~]*$/;
const PRINTED = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;
const NAMED: Readonly<Record<string, string>> = {
  '\u0007': String.raw`\a`, '\b': String.raw`\b`, '\f': String.raw`\f`, '\n': String.raw`\n`, '\r': String.raw`\r`,
  '\t': String.raw`\t`, '\u000b': String.raw`\v`, '"': String.raw`\"`, '\\': '\\\\',
}; // prettier-ignore

/** A text as Go's `%q` prints it. Source: Go strconv.Quote. */
export function goQuote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let out = '"';
  for (const c of text) {
    const code = c.codePointAt(0)!;
    const hex = code.toString(16);
    if (NAMED[c] !== undefined) out += NAMED[c];
    else if (PRINTED.test(c)) out += c;
    else if (code < 0x20 || code === 0x7f) out += `\\x${hex.padStart(2, '0')}`;
    // Half a character is none.
    else if (code >= 0xd800 && code <= 0xdfff) out += '\ufffd';
    else out += code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  }
  return `${out}"`;
}
