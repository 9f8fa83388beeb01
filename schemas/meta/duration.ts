/**
 * One of Go's durations (`1h30m`, `-1.5s`) in nanoseconds, or Go's text of what is wrong with it.
 * Source: time.ParseDuration.
 */
export function parseDuration(text: string): bigint | string {
  const quoted = JSON.stringify(text);
  const invalid = `time: invalid duration ${quoted}`;
  const negative = text.startsWith('-');
  let rest = text.replace(/^[-+]/, '');
  if (rest === '0') return 0n;
  if (rest === '') return invalid;
  let total = 0n;
  while (rest !== '') {
    const number = /^(?:(\d+)(?:\.(\d*))?|\.(\d+))/.exec(rest);
    if (number === null) return invalid;
    rest = rest.slice(number[0].length);
    const name = /^[^.\d]*/.exec(rest)![0];
    if (name === '') return `time: missing unit in duration ${quoted}`;
    const unit = UNITS.get(name);
    if (unit === undefined) return `time: unknown unit ${JSON.stringify(name)} in duration ${quoted}`;
    rest = rest.slice(name.length);
    const fraction = number[2] ?? number[3] ?? '';
    total += BigInt(number[1] ?? '0') * unit + (BigInt(fraction || '0') * unit) / 10n ** BigInt(fraction.length);
    if (total > (negative ? LARGEST + 1n : LARGEST)) return invalid;
  }
  return negative ? -total : total;
}
const LARGEST = 2n ** 63n - 1n;
const SECOND = 1_000_000_000n;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n], ['us', 1000n], ['µs', 1000n], ['μs', 1000n], ['ms', 1_000_000n],
  ['s', SECOND], ['m', 60n * SECOND], ['h', 3600n * SECOND],
]); // prettier-ignore
/** Nanoseconds as Go prints them: `1m30s`, `1.5ms`. Source: time.Duration String. */
export function durationText(nanos: bigint): string {
  const sign = nanos < 0n ? '-' : '';
  const n = nanos < 0n ? -nanos : nanos;
  const fraction = (whole: bigint, unit: bigint): string => {
    const digits = String(whole % unit).padStart(String(unit).length - 1, '0').replace(/0+$/, ''); // prettier-ignore
    return `${whole / unit}${digits === '' || unit === 1n ? '' : `.${digits}`}`;
  };
  if (n === 0n) return '0s';
  if (n < 1000n) return `${sign}${n}ns`;
  if (n < 1_000_000n) return `${sign}${fraction(n, 1000n)}µs`;
  if (n < 1_000_000_000n) return `${sign}${fraction(n, 1_000_000n)}ms`;
  const seconds = n / 1_000_000_000n;
  const rest = fraction(n - (seconds / 60n) * 60_000_000_000n, 1_000_000_000n);
  const minutes = (seconds / 60n) % 60n;
  const hours = seconds / 3600n;
  return `${sign}${hours > 0n ? `${hours}h` : ''}${seconds >= 60n ? `${minutes}m` : ''}${rest}s`;
}

/** Milliseconds of a duration that was looked at before; 0 of what is none. */
export function durationMs(text: string): number {
  const nanos = parseDuration(text);
  return typeof nanos === 'string' ? 0 : Number(nanos / 1_000_000n);
}
