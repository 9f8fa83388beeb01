/**
 * YAML as kubectl and the API server print it: block style, members in a natural order, lists not indented, lines folded
 * at the first space past 80 columns. Source: sigs.k8s.io/yaml goyaml.v2 encode.go, emitterc.go.
 */
const WIDTH = 80;
const INDENT = 2;
/** Longer keys are not written on one line with their values. */
const SIMPLE_KEY_BYTES = 128;

export function printYaml(value: unknown): string {
  const out = new Printer();
  out.node(value, -INDENT, false);
  return out.text();
}
const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Fractions as Go's %g prints them. */
function numberText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 63) return String(value);
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}
const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

class Printer {
  readonly #parts: string[] = [];
  #column = 0;
  text(): string {
    if (this.#column > 0) this.#parts.push('\n');
    return this.#parts.join('');
  }
  #put(text: string): void {
    this.#parts.push(text);
    const line = text.lastIndexOf('\n');
    this.#column = line < 0 ? this.#column + text.length : text.length - line - 1;
  }
  #line(indent: number): void {
    this.#put(this.#column > 0 ? `\n${' '.repeat(indent)}` : ' '.repeat(indent));
  }
  /** `indent` is that of the block around; `inline`: something stands on the line already, after which a block may begin. */
  node(value: unknown, indent: number, inline: boolean): void {
    if (Array.isArray(value) && value.length > 0)
      this.#list(value, inline ? indent + INDENT : Math.max(indent, 0), inline); // prettier-ignore
    else if (isMap(value) && !isEmpty(value)) this.#map(value, indent + INDENT, inline);
    else if (typeof value === 'string') this.#scalar(value, Math.max(indent, 0) + INDENT, false);
    else if (typeof value === 'object' && value !== null) this.#put(Array.isArray(value) ? '[]' : '{}');
    else this.#put(typeof value === 'number' ? numberText(value) : String(value ?? 'null'));
  }
  #list(items: readonly unknown[], indent: number, inline: boolean): void {
    for (const [i, item] of items.entries()) {
      if (i > 0 || !inline) this.#line(indent);
      this.#put('- ');
      this.node(item, indent, true);
    }
  }
  #map(map: Readonly<Record<string, unknown>>, indent: number, inline: boolean): void {
    for (const [i, key] of Object.keys(map).sort(naturally).entries()) {
      if (i > 0 || !inline) this.#line(indent);
      const value = map[key];
      const simple = Buffer.byteLength(key) <= SIMPLE_KEY_BYTES && !BREAK.test(key);
      if (simple) this.#scalar(key, indent, true);
      else {
        this.#put('? ');
        this.#scalar(key, indent + INDENT, false);
        this.#line(indent);
      }
      this.#put(':');
      const block = typeof value === 'object' && value !== null && !isEmpty(value);
      if (!block || !simple) this.#put(' ');
      this.node(value, indent, !simple && block);
    }
  }
  #scalar(text: string, indent: number, key: boolean): void {
    const allowed = analyze(text);
    if (LOOKS_OTHERWISE.test(text)) this.#double(text, indent, key);
    else if (text.includes('\n')) {
      if (key || !allowed.block) this.#double(text, indent, key);
      else this.#literal(text, indent);
    } else if (allowed.plain) this.#plain(text, indent, key);
    else if (allowed.single && !(key && BREAK.test(text))) this.#single(text, indent, key);
    else this.#double(text, indent, key);
  }
  #plain(text: string, indent: number, key: boolean): void {
    this.#folded(text, indent, key, undefined, (i) => text[i + 1] !== ' '); // prettier-ignore
  }
  #single(text: string, indent: number, key: boolean): void {
    this.#put("'");
    const last = text.length - 1;
    const fits = (i: number): boolean => i > 0 && i < last && text[i + 1] !== ' ';
    this.#folded(text, indent, key, (c) => (c === "'" ? "''" : c), fits);
    this.#put("'");
  }
  /** Writes up to the end, a line break in place of a lone space past the width. */
  #folded(
    text: string,
    indent: number,
    key: boolean,
    shown: ((c: string) => string) | undefined,
    fits: (at: number) => boolean,
  ): void {
    // Most text is short: one write.
    if (key || this.#column + text.length <= WIDTH) return this.#put(shown === undefined ? text : [...text].map(shown).join('')); // prettier-ignore
    let spaces = false;
    for (let i = 0; i < text.length; i++) {
      const c = text[i]!;
      if (c === ' ' && !spaces && this.#column > WIDTH && fits(i)) this.#line(indent);
      else this.#put(shown === undefined ? c : shown(c));
      spaces = c === ' ';
    }
  }
  #double(text: string, indent: number, key: boolean): void {
    this.#put('"');
    const characters = [...text];
    let spaces = false;
    for (const [i, c] of characters.entries()) {
      const foldable = c === ' ' && !key && !spaces && this.#column > WIDTH && i > 0 && i < characters.length - 1;
      if (foldable) {
        this.#line(indent);
        if (characters[i + 1] === ' ') this.#put('\\');
      } else this.#put(c === '"' || c === '\\' || BREAK.test(c) || !isPrintable(c) ? escape(c) : c);
      spaces = c === ' ';
    }
    this.#put('"');
  }
  #literal(text: string, indent: number): void {
    const hint = /^[ \n\r\u0085\u2028\u2029]/.test(text) ? String(INDENT) : '';
    const chomp = text.endsWith('\n') ? (text === '\n' || text.endsWith('\n\n') ? '+' : '') : '-';
    this.#put(`|${hint}${chomp}`);
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    const pad = ' '.repeat(indent);
    this.#put(lines.map((line) => `\n${line === '' ? '' : pad + line}`).join(''));
    // Ends within its last line, but for empty ones: those would be taken for the beginning of a document.
    if (this.#column === 0) this.#put('\n');
  }
}

/** Text that a reader would take for something else: Go puts it in double quotes, other text that needs it in single ones. */
const LOOKS_OTHERWISE =
  /^(?:|~|null|Null|NULL|[yYnN]|[yY]es|YES|[nN]o|NO|[tT]rue|TRUE|[fF]alse|FALSE|[oO]n|ON|[oO]ff|OFF|[-+]?0x[\da-fA-F_]+|[-+]?0b[01_]+|[-+]?0o[0-7_]+|[-+]?\d[\d_]*\.?[\d_]*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|[-+]\.[\d_]*\d[\d_]*(?:[eE][-+]?\d+)?|[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|\d{4}-\d\d?-\d\d?(?:[Tt]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)|\s\d\d?:\d\d?:\d\d?(?:\.\d+)?)?)$/;
const BREAK = /[\r\n\u0085\u2028\u2029]/;
const isPrintable = (c: string): boolean => {
  const code = c.codePointAt(0)!;
  return code === 10 || (code >= 0x20 && code <= 0x7e) || (code >= 0xa0 && code <= 0xffff && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfeff && code < 0xfffe); // prettier-ignore
};

interface Allowed {
  readonly plain: boolean;
  readonly single: boolean;
  readonly block: boolean;
}
const SIMPLE: Allowed = { plain: true, single: true, block: true };
/** Which styles can carry the text. */
function analyze(text: string): Allowed {
  if (/^[\w/][\w./-]*$/.test(text)) return SIMPLE;
  const special = [...text].some((c) => !isPrintable(c));
  const breaks = BREAK.test(text);
  const trailingSpace = text.endsWith(' ');
  const edges = /^[ \r\n\u0085\u2028\u2029]|[ \r\n\u0085\u2028\u2029]$/.test(text);
  const spaceBreak = / [\r\n\u0085\u2028\u2029]/.test(text);
  const breakSpace = /[\r\n\u0085\u2028\u2029] /.test(text);
  const indicators =
    /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[\s\u0085\u2028\u2029]|$))/.test(text) ||
    /:(?:[\s\u0085\u2028\u2029]|$)|[\s\u0085\u2028\u2029]#/.test(text);
  return {
    plain: !special && !breaks && !edges && !breakSpace && !indicators,
    single: !special && !spaceBreak && !breakSpace,
    block: !special && !spaceBreak && !trailingSpace,
  };
}
const SHORT: Readonly<Record<string, string>> = {
  '\0': '0', '\u0007': 'a', '\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', '\u001b': 'e', '"': '"', '\\': '\\',
  '\u0085': 'N', '\u00a0': '_', '\u2028': 'L', '\u2029': 'P',
}; // prettier-ignore
function escape(c: string): string {
  const short = SHORT[c];
  if (short !== undefined) return `\\${short}`;
  const code = c.codePointAt(0)!;
  const hex = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

const isLetter = (c: string): boolean => /\p{L}/u.test(c);
const isDigit = (c: string | undefined): boolean => c !== undefined && c >= '0' && c <= '9';
/** Numbers within names by their value. Source: goyaml.v2 sorter.go. */
function naturally(left: string, right: string): number {
  const [a, b] = [[...left], [...right]];
  let i = 0;
  while (i < a.length && i < b.length && a[i] === b[i]) i++;
  const [p, q] = [a[i], b[i]];
  if (p === undefined || q === undefined) return a.length - b.length;
  const [pl, ql] = [isLetter(p), isLetter(q)];
  if (pl && ql) return p < q ? -1 : 1;
  if (pl || ql) return ql ? -1 : 1;
  let [an, bn] = [0, 0];
  if (p === '0' || q === '0')
    for (let j = i - 1; j >= 0 && isDigit(a[j]); j--)
      if (a[j] !== '0') {
        [an, bn] = [1, 1];
        break;
      }
  let [ai, bi] = [i, i];
  for (; isDigit(a[ai]); ai++) an = an * 10 + Number(a[ai]);
  for (; isDigit(b[bi]); bi++) bn = bn * 10 + Number(b[bi]);
  if (an !== bn) return an - bn;
  if (ai !== bi) return ai - bi;
  return p < q ? -1 : 1;
}
