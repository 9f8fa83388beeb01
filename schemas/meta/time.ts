import { parseGoTime, RFC3339, RFC3339_MICRO } from './go-time.ts';

/** RFC 3339 as Go reads and prints it, and durations as kubectl shows them. Milliseconds since the epoch throughout. */

const UTC_SECONDS = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;
/** undefined when it is no RFC 3339 time. Sub-millisecond digits are dropped. */
export function parseTime(text: string): number | undefined {
  if (UTC_SECONDS.test(text)) return Date.parse(text);
  const time = parseGoTime(text, RFC3339);
  return 'error' in time ? undefined : time.ms;
}

/** metav1.Time: whole seconds, UTC. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(ms).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}
/** A cluster's writes of one second have one text. */
let lastSecond = NaN;
let lastText = '';
/** metav1.MicroTime: six digits, UTC. `micros` are added to the milliseconds. */
export const formatMicroTime = (ms: number, micros = 0): string =>
  `${new Date(ms).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;

/** A metav1.Time as Go reprints it. Throws Error with Go's text. */
export function canonicalTime(text: string): string {
  // Nearly all that come are as they were printed.
  if (UTC_SECONDS.test(text)) return text;
  const time = parseGoTime(text, RFC3339);
  if ('error' in time) throw new Error(time.error);
  return formatTime(time.ms);
}
/** The same for a metav1.MicroTime, which insists on six digits. */
export function canonicalMicroTime(text: string): string {
  const time = parseGoTime(text, RFC3339_MICRO);
  if ('error' in time) throw new Error(time.error);
  return formatMicroTime(time.ms, time.micros);
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
