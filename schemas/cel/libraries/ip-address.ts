/** An IP address as a number. */
export interface Address {
  readonly value: bigint;
  readonly bits: 32 | 128;
  /** Of IPv6, after the `%`. */
  readonly zone?: string;
}
const quote = (text: string): string => JSON.stringify(text);
const at = (why: string, rest: string): string => `${why} (at ${quote(rest)})`;

/** The address, or what Go says is wrong with it. Source: Go net/netip ParseAddr. */
export function parseAddress(text: string): Address | string {
  const mark = /[.:%]/.exec(text)?.[0];
  if (mark === '.') return parse4(text);
  if (mark === ':') return parse6(text);
  return mark === '%' ? 'missing IPv6 address' : 'unable to parse IP';
}
function parse4(text: string): Address | string {
  const fields: number[] = [];
  let [value, digits] = [0, 0];
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c >= '0' && c <= '9') {
      if (digits === 1 && value === 0) return 'IPv4 field has octet with leading zero';
      value = value * 10 + Number(c);
      digits++;
      if (value > 255) return 'IPv4 field has value >255';
    } else if (c !== '.') return at('unexpected character', text.slice(i));
    else {
      if (i === 0 || i === text.length - 1 || text[i - 1] === '.')
        return at('IPv4 field must have at least one digit', text.slice(i));
      if (fields.length === 3) return 'IPv4 address too long';
      fields.push(value);
      [value, digits] = [0, 0];
    }
  }
  if (fields.length < 3) return 'IPv4 address too short';
  return { value: [...fields, value].reduce((sum, field) => sum * 256n + BigInt(field), 0n), bits: 32 };
}
function parse6(whole: string): Address | string {
  const percent = whole.indexOf('%');
  const zone = percent < 0 ? undefined : whole.slice(percent + 1);
  if (zone === '') return 'zone must be a non-empty string';
  let text = percent < 0 ? whole : whole.slice(0, percent);
  const bytes: number[] = [];
  let ellipsis = -1;
  if (text.startsWith('::')) {
    ellipsis = 0;
    text = text.slice(2);
    if (text === '') return { value: 0n, bits: 128, ...(zone !== undefined && { zone }) };
  }
  while (bytes.length < 16) {
    const digits = /^[0-9a-fA-F]*/.exec(text)![0];
    if (digits.length > 4) return at('each group must have 4 or less digits', text);
    if (digits === '') return at('each colon-separated field must have at least one digit', text);
    if (text[digits.length] === '.') {
      if (ellipsis < 0 && bytes.length !== 12) return at('embedded IPv4 address must replace the final 2 fields of the address', text); // prettier-ignore
      if (bytes.length + 4 > 16) return at('too many hex fields to fit an embedded IPv4 at the end of the address', text); // prettier-ignore
      const last = parse4(text);
      if (typeof last === 'string') return last;
      for (const shift of [24n, 16n, 8n, 0n]) bytes.push(Number((last.value >> shift) & 255n));
      text = '';
      break;
    }
    const group = Number.parseInt(digits, 16);
    bytes.push(group >> 8, group & 255);
    text = text.slice(digits.length);
    if (text === '') break;
    if (text[0] !== ':') return at('unexpected character, want colon', text);
    if (text.length === 1) return at('colon must be followed by more characters', text);
    text = text.slice(1);
    if (text[0] === ':') {
      if (ellipsis >= 0) return at('multiple :: in address', text);
      ellipsis = bytes.length;
      text = text.slice(1);
      if (text === '') break;
    }
  }
  if (text !== '') return at('trailing garbage after address', text);
  if (bytes.length < 16) {
    if (ellipsis < 0) return 'address string too short';
    bytes.splice(ellipsis, 0, ...Array.from({ length: 16 - bytes.length }, () => 0));
  } else if (ellipsis >= 0) return 'the :: must expand to at least one field of zeros';
  const value = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return { value, bits: 128, ...(zone !== undefined && { zone }) };
}
