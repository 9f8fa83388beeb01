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
