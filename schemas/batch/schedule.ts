import { parseDuration } from '../meta/duration.ts';

/** A cron schedule: which values of each field it fires on. Fields named `*` count as unrestricted. */
export interface Schedule {
  readonly minute: ReadonlySet<number>;
  readonly hour: ReadonlySet<number>;
  readonly dayOfMonth: ReadonlySet<number>;
  readonly month: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly dayOfWeek: ReadonlySet<number>;
  readonly anyDayOfMonth: boolean;
  readonly anyDayOfWeek: boolean;
  /** `@every 90s`: fires this often instead. */
  readonly everyMs?: number;
}
interface Bounds {
  readonly low: number;
  readonly high: number;
  readonly names?: readonly string[];
}
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const BOUNDS: readonly Bounds[] = [
  { low: 0, high: 59 }, { low: 0, high: 23 }, { low: 1, high: 31 }, { low: 1, high: 12, names: MONTHS }, { low: 0, high: 6, names: DAYS },
]; // prettier-ignore
const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *', '@monthly': '0 0 1 * *', '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@hourly': '0 * * * *',
}; // prettier-ignore

/** `message` is what the real parser says. Source: robfig/cron v3 parser.go, ParseStandard. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}
const fail = (message: string): never => {
  throw new ScheduleError(message);
};
export function scheduleProblem(text: string): string | undefined {
  try {
    parseSchedule(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
/** Throws ScheduleError. A leading `TZ=` is not part of it: Kubernetes refuses that. */
export function parseSchedule(text: string): Schedule {
  let spec = text;
  if (/^(?:CRON_)?TZ=/.test(spec)) {
    const blank = spec.indexOf(' ');
    if (blank < 0) fail('invalid schedule format: runtime error: slice bounds out of range [:-1]');
    spec = spec.slice(blank).trim();
  }
  if (spec.startsWith('@every ')) return every(spec);
  if (spec.startsWith('@')) spec = DESCRIPTORS[spec] ?? fail(`unrecognized descriptor: ${spec}`);
  const fields = spec.split(/\s+/).filter((f) => f !== '');
  if (fields.length !== 5) fail(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields.map((f, i) => values(f, BOUNDS[i]!)) as [
    Field,
    Field,
    Field,
    Field,
    Field,
  ];
  return {
    minute: minute.values, hour: hour.values, dayOfMonth: dayOfMonth.values, month: month.values, dayOfWeek: dayOfWeek.values,
    anyDayOfMonth: dayOfMonth.any, anyDayOfWeek: dayOfWeek.any,
  }; // prettier-ignore
}
interface Field {
  readonly values: ReadonlySet<number>;
  readonly any: boolean;
}
function values(field: string, bounds: Bounds): Field {
  const found = new Set<number>();
  let any = false;
  for (const expression of field.split(',').filter((e) => e !== '')) {
    const { from, to, step, star } = range(expression, bounds);
    for (let n = from; n <= to; n += step) found.add(n);
    if (star && step === 1) any = true;
  }
  return { values: found, any };
}
function range(expression: string, bounds: Bounds): { from: number; to: number; step: number; star: boolean } {
  const [ends, ...steps] = expression.split('/');
  const [low, ...highs] = ends!.split('-');
  const star = low === '*' || low === '?';
  const from = star ? bounds.low : integer(low!, bounds.names);
  if (!star && highs.length > 1) fail(`too many hyphens: ${expression}`);
  let to = star ? bounds.high : highs.length === 1 ? integer(highs[0]!, bounds.names) : from;
  if (steps.length > 1) fail(`too many slashes: ${expression}`);
  const step = steps.length === 1 ? integer(steps[0]!) : 1;
  if (steps.length === 1 && highs.length === 0) to = bounds.high;
  if (from < bounds.low) fail(`beginning of range (${from}) below minimum (${bounds.low}): ${expression}`);
  if (to > bounds.high) fail(`end of range (${to}) above maximum (${bounds.high}): ${expression}`);
  if (from > to) fail(`beginning of range (${from}) beyond end of range (${to}): ${expression}`);
  if (step === 0) fail(`step of range should be a positive number: ${expression}`);
  return { from, to, step, star };
}
function integer(text: string, names?: readonly string[]): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return names === MONTHS ? named + 1 : named;
  if (!/^[+-]?\d+$/.test(text))
    fail(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (value < 0) fail(`negative number (${value}) not allowed: ${text}`);
  return value;
}
function every(spec: string): Schedule {
  const nanos = parseDuration(spec.slice('@every '.length));
  if (typeof nanos === 'string') return fail(`failed to parse duration ${spec}: ${nanos}`);
  const none: ReadonlySet<number> = new Set<number>();
  return {
    minute: none, hour: none, dayOfMonth: none, month: none, dayOfWeek: none, anyDayOfMonth: true, anyDayOfWeek: true,
    everyMs: Math.max(1000, Number(nanos / 1_000_000_000n) * 1000),
  }; // prettier-ignore
}
