import { isPlain, runeCount, showValue } from '../values-text.ts';
import { CelArray, CelError, type CelList, noSuchOverload, type CelValue } from '../values.ts';
import { formatString } from './format-string.ts';
import { isAny, isInt, isList, isListOf, isString, overload, stepwise, type CelLibrary } from './kinds.ts';
import { matchesText } from './regex.ts';

/** No string grows beyond this: what would is an error, as the request that could hold it would be. In UTF-16 units. */
const MOST = 1 << 26;
const tooLong = (): CelError => new CelError('internal error: string too long');
const outOfRange = (index: bigint): CelError => new CelError(`index out of range: ${index}`);

/** A part of a string, by code points. */
function slice(text: string, start: number, end: number): string {
  return isPlain(text) ? text.slice(start, end) : [...text].slice(start, end).join('');
}
function charAt(text: string, index: bigint): CelValue {
  if (index < 0n || index > BigInt(runeCount(text))) return outOfRange(index);
  return slice(text, Number(index), Number(index) + 1);
}
function indexOf(text: string, part: string, offset: bigint): CelValue {
  if (part === '') return offset;
  if (offset < 0n) return outOfRange(offset);
  const from = Number(offset);
  if (isPlain(text)) return BigInt(text.indexOf(part, from));
  const rest = slice(text, from, Infinity);
  const at = rest.indexOf(part);
  return at < 0 ? -1n : BigInt(from + runeCount(rest.slice(0, at)));
}
function lastIndexOf(text: string, part: string, offset: bigint): CelValue {
  if (part === '') return offset;
  if (offset < 0n) return outOfRange(offset);
  if (offset >= BigInt(runeCount(text))) return -1n;
  const until = slice(text, 0, Number(offset)).length;
  const at = text.lastIndexOf(part, until);
  return at < 0 ? -1n : BigInt(runeCount(text.slice(0, at)));
}
/** Up to `limit` times, all if it is negative. Source: Go strings.Replace. */
function replace(text: string, old: string, by: string, limit: bigint): CelValue {
  if (old === '') return interleave([...text], by, limit);
  const parts = text.split(old);
  const most = limit < 0n ? parts.length - 1 : Math.min(Number(limit), parts.length - 1);
  if (text.length + most * by.length > MOST) return tooLong();
  return [parts.slice(0, most + 1).join(by), ...parts.slice(most + 1)].join(old);
}
/** Before each character, and at the end. */
function interleave(runes: readonly string[], by: string, limit: bigint): CelValue {
  const most = limit < 0n ? runes.length + 1 : Math.min(Number(limit), runes.length + 1);
  if (runes.length + most * by.length > MOST) return tooLong();
  let out = '';
  for (let i = 0; i <= runes.length; i++) out += (i < most ? by : '') + (runes[i] ?? '');
  return out;
}
/** Source: Go strings.SplitN. */
function split(text: string, separator: string, limit: bigint): CelValue {
  if (limit === 0n) return new CelArray([]);
  const parts = separator === '' ? [...text] : text.split(separator);
  if (limit < 0n || parts.length <= Number(limit)) return new CelArray(parts);
  const most = Number(limit);
  return new CelArray([...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)]);
}
function substring(text: string, start: bigint, end?: bigint): CelValue {
  if (end !== undefined && start > end) return new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  const size = BigInt(runeCount(text));
  if (start < 0n || start > size) return outOfRange(start);
  if (end !== undefined && (end < 0n || end > size)) return outOfRange(end);
  return slice(text, Number(start), end === undefined ? Infinity : Number(end));
}
function join(list: CelList, separator = ''): CelValue {
  const parts: string[] = [];
  let size = 0;
  for (const item of list) {
    if (typeof item !== 'string') return new CelError(`join: invalid input: ${showValue(item)}`);
    parts.push(item);
    size += item.length + separator.length;
    if (size > MOST) return tooLong();
  }
  return parts.join(separator);
}
const lower = (text: string): string => text.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase());
const upper = (text: string): string => text.replaceAll(/[a-z]+/g, (part) => part.toUpperCase());
/** What Unicode calls White_Space; unlike JavaScript's trim without the byte order mark, with U+0085. */
const SPACE = /^[\s\u0085]$/;
const isSpace = (c: string): boolean => c !== '\ufeff' && SPACE.test(c);
function trim(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text[start]!)) start++;
  while (end > start && isSpace(text[end - 1]!)) end--;
  return text.slice(start, end);
}
const ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': String.raw`\a`, '\b': String.raw`\b`, '\f': String.raw`\f`, '\n': String.raw`\n`, '\r': String.raw`\r`,
  '\t': String.raw`\t`, '\v': String.raw`\v`, '\\': '\\\\', '"': String.raw`\"`,
}; // prettier-ignore
const quote = (text: string): string => `"${[...text].map((c) => ESCAPES[c] ?? c).join('')}"`;
const both =
  (holds: (text: string, part: string) => boolean) =>
  (text: CelValue, part: CelValue): CelValue =>
    typeof text === 'string' && typeof part === 'string' ? holds(text, part) : noSuchOverload();
const TWO = [isString, isString] as const;

/** Source: cel-go common/stdlib/standard.go, ext/strings.go (version 2). */
export const strings: CelLibrary = {
  contains: { unguarded: true, overloads: [overload('contains_string', [isAny, isAny], both((a, b) => a.includes(b)))] }, // prettier-ignore
  endsWith: { unguarded: true, overloads: [overload('ends_with_string', [isAny, isAny], both((a, b) => a.endsWith(b)))] }, // prettier-ignore
  startsWith: { unguarded: true, overloads: [overload('starts_with_string', [isAny, isAny], both((a, b) => a.startsWith(b)))] }, // prettier-ignore
  matches: { call: (text, pattern) => matchesText(text, pattern), trait: isString },
  charAt: [overload('string_char_at_int', [isString, isInt], charAt)],
  indexOf: [
    overload('string_index_of_string', TWO, (text: string, part: string) => indexOf(text, part, 0n)),
    stepwise('string_index_of_string_int', [...TWO, isInt], indexOf),
  ],
  lastIndexOf: [
    overload('string_last_index_of_string', TWO, (text: string, part: string) => part === '' ? BigInt(runeCount(text)) : text === '' ? -1n : lastIndexOf(text, part, BigInt(runeCount(text)) - 1n)), // prettier-ignore
    stepwise('string_last_index_of_string_int', [...TWO, isInt], lastIndexOf),
  ],
  lowerAscii: [overload('string_lower_ascii', [isString], lower)],
  upperAscii: [overload('string_upper_ascii', [isString], upper)],
  replace: [
    stepwise('string_replace_string_string', [...TWO, isString], (text: string, old: string, by: string) => replace(text, old, by, -1n)), // prettier-ignore
    stepwise('string_replace_string_string_int', [...TWO, isString, isInt], replace),
  ],
  split: [
    overload('string_split_string', TWO, (text: string, by: string) => split(text, by, -1n)),
    stepwise('string_split_string_int', [...TWO, isInt], split),
  ],
  substring: [
    overload('string_substring_int', [isString, isInt], (text: string, start: bigint) => substring(text, start)),
    stepwise('string_substring_int_int', [isString, isInt, isInt], substring),
  ],
  trim: [overload('string_trim', [isString], trim)],
  format: [stepwise('string_format', [isString, isList], formatString)],
  'strings.quote': [overload('strings_quote', [isString], quote)],
  join: [
    overload('list_join', [isListOf(isString)], (list: CelList) => join(list)),
    overload('list_join_string', [isListOf(isString), isString], join),
  ],
};
