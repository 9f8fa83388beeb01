/** What a literal comes to; a text where it is none. Source: cel-go parser/unescape.go. */
export type Unescaped = { readonly value: string | Uint8Array } | { readonly problem: string };

const SINGLE: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
/** The text of a string token, quotes and escapes resolved. */
export function unescapeString(token: string): Unescaped {
  const { body, isRaw } = unquote(token);
  if (isRaw || !body.includes('\\')) return { value: body };
  let problem: string | undefined;
  const value = body.replace(ESCAPES, (_, code: string) => {
    const made =
      code.length === 1
        ? undefined
        : Number.parseInt(/^[xXuU]/.test(code) ? code.slice(1) : code, /^[xXuU]/.test(code) ? 16 : 8);
    if (made === undefined) return SINGLE[code] ?? code;
    if (made > 0x10ffff || (made >= 0xd800 && made < 0xe000)) {
      problem = 'invalid unicode code point';
      return '';
    }
    return String.fromCodePoint(made);
  });
  return problem === undefined ? { value } : { problem };
}
const ESCAPES = /\\([xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-3][0-7]{2}|[^])/g;

/** The bytes of a bytes token (with its `b`): `\x` and octals are bytes, all else is UTF-8; `\u` is not allowed. */
export function unescapeBytes(token: string): Unescaped {
  const { body, isRaw } = unquote(token.slice(1));
  if (isRaw || !body.includes('\\')) return { value: Buffer.from(body) };
  const parts: Buffer[] = [];
  let last = 0;
  for (const match of body.matchAll(ESCAPES)) {
    parts.push(Buffer.from(body.slice(last, match.index)));
    last = match.index + match[0].length;
    const code = match[1]!;
    if (/^[uU]/.test(code)) return { problem: 'unable to unescape string' };
    if (code.length === 1) parts.push(Buffer.from(SINGLE[code] ?? code));
    else
      parts.push(
        Buffer.of(Number.parseInt(/^[xX]/.test(code) ? code.slice(1) : code, /^[xX]/.test(code) ? 16 : 8) & 255),
      );
  }
  parts.push(Buffer.from(body.slice(last)));
  return { value: Buffer.concat(parts) };
}
function unquote(token: string): { body: string; isRaw: boolean } {
  const isRaw = /^[rR]/.test(token);
  const text = (isRaw ? token.slice(1) : token).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const isTriple = text.length >= 6 && /^(?:"""|''')/.test(text);
  return { body: isTriple ? text.slice(3, -3) : text.slice(1, -1), isRaw };
}
const INT = { low: -(2n ** 63n), high: 2n ** 63n - 1n };
/** An int literal; undefined where it does not fit. */
export function intOf(text: string, isNegative: boolean): bigint | undefined {
  const value = isNegative ? -BigInt(text) : BigInt(text);
  return value < INT.low || value > INT.high ? undefined : value;
}
export function uintOf(text: string): bigint | undefined {
  const value = BigInt(text.slice(0, -1));
  return value >= 2n ** 64n ? undefined : value;
}
