/** RFC 3339 as Go reads and prints it, and durations as kubectl shows them. Milliseconds since the epoch throughout. */
const SHAPE = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;

/** undefined when it is no RFC 3339 time. Sub-millisecond digits are dropped. */
export function parseTime(text: string): number | undefined {
  const m = SHAPE.exec(text);
  if (m === null) return undefined;
  const [, y, mo, d, h, mi, s, fraction, zone] = m;
  const [year, month, day] = [Number(y), Number(mo), Number(d)];
  const [hour, minute, second] = [Number(h), Number(mi), Number(s)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59)
    return undefined;
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute, second, fraction === undefined ? 0 : Number(`${fraction}00`.slice(0, 3)));
  if (zone === 'Z') return at.getTime();
  const offset = Number(zone!.slice(1, 3)) * 60 + Number(zone!.slice(4));
  return at.getTime() - (zone!.startsWith('-') ? -offset : offset) * 60_000;
}
const daysIn = (year: number, month: number): number =>
  month === 2
    ? year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
      ? 29
      : 28
    : [4, 6, 9, 11].includes(month)
      ? 30
      : 31;

/** metav1.Time: whole seconds, UTC. */
export const formatTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;
/** metav1.MicroTime: six digits, UTC. `micros` are added to the milliseconds. */
export const formatMicroTime = (ms: number, micros = 0): string =>
  `${new Date(ms).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;

const UTC_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const UTC_MICROS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
/** As Go reprints it; undefined when it is no time. */
export function canonicalTime(text: string): string | undefined {
  const ms = parseTime(text);
  return ms === undefined ? undefined : UTC_SECONDS.test(text) ? text : formatTime(ms);
}
export function canonicalMicroTime(text: string): string | undefined {
  const ms = parseTime(text);
  if (ms === undefined) return undefined;
  if (UTC_MICROS.test(text)) return text;
  const digits = /[.,](\d+)/.exec(text)?.[1]?.padEnd(6, '0').slice(3, 6);
  return formatMicroTime(ms, Number(digits ?? 0));
}

/** Go's complaint about a text that is no time; names the first part that does not fit. */
export function timeError(text: string): string {
  const layout = '2006-01-02T15:04:05Z07:00';
  const parts: [RegExp, string][] = [
    [/^\d{4}/, '2006'], [/^-/, '-'], [/^\d\d/, '01'], [/^-/, '-'], [/^\d\d/, '02'], [/^T/, 'T'], [/^\d\d/, '15'], [/^:/, ':'],
    [/^\d\d/, '04'], [/^:/, ':'], [/^\d\d/, '05'], [/^(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
  ]; // prettier-ignore
  let rest = text;
  for (const [pattern, name] of parts) {
    const m = pattern.exec(rest);
    if (m === null)
      return `parsing time ${JSON.stringify(text)} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(name)}`;
    rest = rest.slice(m[0].length);
  }
  if (rest !== '') return `parsing time ${JSON.stringify(text)}: extra text: ${JSON.stringify(rest)}`;
  const [, , month, , hour, minute, second] = SHAPE.exec(text)!;
  const part =
    Number(month) < 1 || Number(month) > 12
      ? 'month'
      : Number(hour) > 23
        ? 'hour'
        : Number(minute) > 59
          ? 'minute'
          : Number(second) > 59
            ? 'second'
            : 'day';
  return `parsing time ${JSON.stringify(text)}: ${part} out of range`;
}

/** A duration in at most two units, as in kubectl's AGE. Source: apimachinery pkg/util/duration HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return both(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return both(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (hours < 192) return both(Math.trunc(hours / 24), 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${Math.trunc(hours / 24)}d`;
  if (hours < 24 * 365 * 8) return both(Math.trunc(hours / 24 / 365), 'y', Math.trunc(hours / 24) % 365, 'd');
  return `${Math.trunc(hours / 24 / 365)}y`;
}
const both = (a: number, unitA: string, b: number, unitB: string): string =>
  b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`;

/** Since a timestamp, `<unknown>` without one. Source: pkg/printers/internalversion translateTimestampSince. */
export function age(timestamp: string | null | undefined, now: number): string {
  const at = timestamp ? parseTime(timestamp) : undefined;
  return at === undefined ? '<unknown>' : humanDuration(now - at);
}
