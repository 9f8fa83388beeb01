const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is wrong with the first sequence that is no UTF-8, in the words of Go's YAML reader. */
export type Utf8Fault =
  | 'invalid leading UTF-8 octet'
  | 'incomplete UTF-8 octet sequence'
  | 'invalid trailing UTF-8 octet'
  | 'invalid length of a UTF-8 sequence'
  | 'invalid Unicode character';

/** undefined: the bytes are no UTF-8. A byte order mark stays. */
export function wellFormedText(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Text with U+FFFD for each byte that belongs to no character. Source: encoding/json unquote, utf8.DecodeRune. */
export function replacedText(bytes: Uint8Array): string {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < bytes.length;) {
    const { length, fault } = sequenceAt(bytes, i);
    if (fault === undefined) {
      i += length;
      continue;
    }
    if (i > start) parts.push(strict.decode(bytes.subarray(start, i)));
    parts.push('\uFFFD');
    start = ++i;
  }
  if (start < bytes.length) parts.push(strict.decode(bytes.subarray(start)));
  return parts.join('');
}

/** Source: go.yaml.in/yaml readerc.go. */
export function firstFault(bytes: Uint8Array): Utf8Fault | undefined {
  for (let i = 0; i < bytes.length;) {
    const { length, fault } = sequenceAt(bytes, i);
    if (fault !== undefined) return fault;
    i += length;
  }
  return undefined;
}

const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];
function sequenceAt(bytes: Uint8Array, at: number): { length: number; fault?: Utf8Fault } {
  const first = bytes[at]!;
  if (first < 0x80) return { length: 1 };
  const length = first >> 5 === 6 ? 2 : first >> 4 === 14 ? 3 : first >> 3 === 30 ? 4 : 0;
  if (length === 0) return { length: 1, fault: 'invalid leading UTF-8 octet' };
  if (at + length > bytes.length) return { length: 1, fault: 'incomplete UTF-8 octet sequence' };
  let code = first & (0xff >> (length + 1));
  for (let k = 1; k < length; k++) {
    const byte = bytes[at + k]!;
    if (byte >> 6 !== 2) return { length: 1, fault: 'invalid trailing UTF-8 octet' };
    code = (code << 6) | (byte & 0x3f);
  }
  if (code < SMALLEST[length]!) return { length: 1, fault: 'invalid length of a UTF-8 sequence' };
  if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return { length: 1, fault: 'invalid Unicode character' };
  return { length };
}
