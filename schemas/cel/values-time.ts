import { zoneOffset as zoneOffsetOf } from '../meta/zone-offset.ts';
import { CelDuration, CelError, CelTimestamp } from './values.ts';
import { plainDouble } from './values-text.ts';

const SECOND = 1_000_000_000n;
/** 0001-01-01 and 9999-12-31, in seconds. */
const FIRST = -62_135_596_800n;
const LAST = 253_402_300_799n;
const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);

const floorDivide = (a: bigint, b: bigint): bigint => (a % b < 0n ? a / b - 1n : a / b);
export const timestampOf = (nanos: bigint, offsetSeconds = 0): CelTimestamp | CelError => {
  const seconds = floorDivide(nanos, SECOND);
  return seconds < FIRST || seconds > LAST
    ? new CelError('timestamp overflow')
    : new CelTimestamp(nanos, offsetSeconds);
};
export const durationOf = (nanos: bigint): CelDuration | CelError =>
  nanos > MAX_INT || nanos < MIN_INT ? new CelError('integer overflow') : new CelDuration(nanos);
export const secondsOf = (time: CelTimestamp): bigint => floorDivide(time.nanos, SECOND);

/** Year, month (from 1) and so on, at an offset from UTC. */
export interface Civil {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly weekday: number;
  /** From 1. */
  readonly yearDay: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly nanos: number;
}
export function civilOf(nanos: bigint, offsetSeconds: number): Civil {
  const seconds = floorDivide(nanos, SECOND);
  const date = new Date((Number(seconds) + offsetSeconds) * 1000);
  const year = date.getUTCFullYear();
  const start = new Date(0);
  start.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - start.getTime()) / 86_400_000) + 1,
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanos: Number(nanos - seconds * SECOND),
  };
}
const pad = (n: number, width = 2): string => String(n).padStart(width, '0');
/** As Go's RFC3339Nano. */
export function timestampText({ nanos, offsetSeconds }: CelTimestamp): string {
  const at = civilOf(nanos, offsetSeconds);
  const fraction = at.nanos === 0 ? '' : `.${pad(at.nanos, 9).replace(/0+$/, '')}`;
  const year = at.year < 0 ? `-${pad(-at.year, 4)}` : pad(at.year, 4);
  const minutes = Math.trunc(Math.abs(offsetSeconds) / 60);
  const zone =
    offsetSeconds === 0 ? 'Z' : `${offsetSeconds < 0 ? '-' : '+'}${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
  return `${year}-${pad(at.month)}-${pad(at.day)}T${pad(at.hour)}:${pad(at.minute)}:${pad(at.second)}${fraction}${zone}`;
}
/** Seconds as a decimal number: `1.5s`. */
export const durationText = ({ nanos }: CelDuration): string => `${plainDouble(durationSeconds(nanos))}s`;
/** Source: Go time.Duration Seconds. */
export const durationSeconds = (nanos: bigint): number => Number(nanos / SECOND) + Number(nanos % SECOND) / 1e9;

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
/** Undefined when it is no moment as Go's time.RFC3339 has it. */
export function parseTimestamp(text: string): CelTimestamp | undefined {
  const m = RFC3339.exec(text);
  if (m === null) return undefined;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((i) => Number(m[i])) as [
    number, number, number, number, number, number,
  ]; // prettier-ignore
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]! + (isLeap && month === 2 ? 1 : 0)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const [zoneHours, zoneMinutes] = [Number(m[9] ?? 0), Number(m[10] ?? 0)];
  if (zoneHours > 24 || zoneMinutes > 60) return undefined;
  const offset = (zoneHours * 3600 + zoneMinutes * 60) * (m[8] === '-' ? -1 : 1);
  const at = new Date(0);
  at.setUTCFullYear(year, month - 1, day);
  at.setUTCHours(hour, minute, second);
  const fraction = BigInt((m[7] ?? '').slice(0, 9).padEnd(9, '0'));
  return new CelTimestamp((BigInt(at.getTime()) / 1000n - BigInt(offset)) * SECOND + fraction, offset);
}

/** Seconds east of UTC in a named zone or `+hh:mm`, at a moment; or Go's text of what is wrong. */
export function zoneOffset(zone: string, nanos: bigint): number | string {
  const colon = zone.indexOf(':');
  if (colon < 0) return namedOffset(zone, nanos);
  const [hours, minutes] = [zone.slice(0, colon), zone.slice(colon + 1)];
  for (const part of [hours, minutes])
    if (!/^[+-]?\d+$/.test(part)) return `strconv.Atoi: parsing ${JSON.stringify(part)}: invalid syntax`;
  const [h, m] = [Number(hours), Number(minutes)];
  return (zone.startsWith('-') ? h * 60 - m : h * 60 + m) * 60;
}
function namedOffset(zone: string, nanos: bigint): number | string {
  return zoneOffsetOf(zone, Number(floorDivide(nanos, SECOND))) ?? `unknown time zone ${zone}`;
}
