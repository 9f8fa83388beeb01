/** Go's time.Parse for the two layouts of metadata, with its texts for what does not fit. Source: Go time/format.go parse. */
export const RFC3339 = '2006-01-02T15:04:05Z07:00';
export const RFC3339_MICRO = '2006-01-02T15:04:05.000000Z07:00';

export type GoTime =
  | { readonly ms: number; /** Of the fraction below a millisecond. */ readonly micros: number }
  | { readonly error: string };
/** Pieces of a layout: what must stand there, or a number with its allowed width. */
const DATE: readonly (readonly [name: string, digits: 0 | 2 | 4, fixed?: boolean])[] = [
  ['2006', 4], ['-', 0], ['01', 2, true], ['-', 0], ['02', 2, true], ['T', 0], ['15', 2], [':', 0], ['04', 2, true], [':', 0], ['05', 2, true],
]; // prettier-ignore
const RANGES: Readonly<Record<string, readonly [low: number, high: number, part: string]>> = {
  '01': [1, 12, 'month'],
  '15': [0, 23, 'hour'],
  '04': [0, 59, 'minute'],
  '05': [0, 59, 'second'],
};
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

export function parseGoTime(text: string, layout: typeof RFC3339 | typeof RFC3339_MICRO): GoTime {
  const bad = (rest: string, name: string): GoTime =>
    ({ error: `parsing time ${quote(text)} as "${layout}": cannot parse ${quote(rest)} as "${name}"` }); // prettier-ignore
  const outOfRange = (part: string): GoTime => ({ error: `parsing time ${quote(text)}: ${part} out of range` });
  const numbers: number[] = [];
  let rest = text;
  for (const [name, digits, fixed] of DATE) {
    if (digits === 0) {
      if (!rest.startsWith(name)) return bad(rest, name);
      rest = rest.slice(1);
      continue;
    }
    const found = (digits === 4 ? /^\d{4}/ : fixed ? /^\d\d/ : /^\d\d?/).exec(rest)?.[0];
    if (found === undefined) return bad(rest, name);
    rest = rest.slice(found.length);
    numbers.push(Number(found));
    const range = RANGES[name];
    if (range !== undefined && (Number(found) < range[0] || Number(found) > range[1])) return outOfRange(range[2]);
  }
  let fraction = '';
  if (layout === RFC3339_MICRO) {
    fraction = /^[.,](\d{6})/.exec(rest)?.[1] ?? '';
    if (fraction === '') return bad(rest, '.000000');
    rest = rest.slice(7);
  } else {
    // Taken though the layout does not have one.
    const found = /^[.,](\d+)/.exec(rest);
    fraction = found?.[1] ?? '';
    rest = rest.slice(found?.[0].length ?? 0);
  }
  let offset = 0;
  if (rest.startsWith('Z')) rest = rest.slice(1);
  else {
    const zone = /^([\s\S])(\d\d):(\d\d)/.exec(rest);
    if (zone === null) return bad(rest, 'Z07:00');
    if (Number(zone[2]) > 24) return outOfRange('time zone offset hour');
    if (Number(zone[3]) > 60) return outOfRange('time zone offset minute');
    if (zone[1] !== '+' && zone[1] !== '-') return bad(rest, 'Z07:00');
    offset = (Number(zone[2]) * 60 + Number(zone[3])) * (zone[1] === '-' ? -1 : 1);
    rest = rest.slice(6);
  }
  if (rest !== '') return { error: `parsing time ${quote(text)}: extra text: ${quote(rest)}` };
  const [year, month, day, hour, minute, second] = numbers as [number, number, number, number, number, number];
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day < 1 || day > DAYS[month - 1]! + (leap ? 1 : 0)) return outOfRange('day');
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute - offset, second, Number(fraction.padEnd(3, '0').slice(0, 3)));
  return { ms: at.getTime(), micros: Number(fraction.padEnd(6, '0').slice(3, 6)) };
}
/** As the time package quotes: what is not printable ASCII byte by byte. */
function quote(text: string): string {
  let out = '"';
  for (const byte of Buffer.from(text)) {
    const c = String.fromCodePoint(byte);
    if (byte >= 0x80 || byte < 0x20) out += `\\x${byte.toString(16).padStart(2, '0')}`;
    else out += c === '"' || c === '\\' ? `\\${c}` : c;
  }
  return `${out}"`;
}
