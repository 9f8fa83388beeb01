import { goQuote } from '../../meta/go-quote.ts';
import { durationText, timestampText } from '../values-time.ts';
import { goDouble } from '../../helpers/go-double.ts';
import {
  CelDuration, CelError, CelList, CelMap, CelTimestamp, CelTypeValue, CelUint, typeNameOf, type CelValue,
} from '../values.ts'; // prettier-ignore

/** Thrown within; becomes a CelError. */
class FormatProblem extends Error {}
const PRECISION = 6;
const MOST = 1 << 26;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `'%s %d'.format([...])`. Source: cel-go ext/formatting.go (before version 4), its locale en_US. */
export function formatString(format: string, args: CelList): CelValue {
  try {
    return interpolate(format, args);
  } catch (error) {
    if (error instanceof FormatProblem) return new CelError(error.message);
    throw error;
  }
}
function interpolate(format: string, args: CelList): CelValue {
  let out = '';
  let next = 0;
  for (let i = 0; i < format.length;) {
    if (format[i] !== '%') {
      const until = format.indexOf('%', i);
      const end = until < 0 ? format.length : until;
      out += format.slice(i, end);
      i = end;
      continue;
    }
    if (format[i + 1] === '%') {
      out += '%';
      i += 2;
      continue;
    }
    if (next >= args.size) throw new FormatProblem(`index ${next} out of range`);
    if (i + 1 >= format.length) throw new FormatProblem('unexpected end of string');
    const [length, clause] = clauseOf(format.slice(i + 1));
    try {
      out += clause(args.at(next));
    } catch (error) {
      if (error instanceof FormatProblem) throw new FormatProblem(`error during formatting: ${error.message}`);
      throw error;
    }
    if (out.length > MOST) throw new FormatProblem('internal error: string too long');
    i += 1 + length;
    next++;
  }
  return out;
}
type Clause = (value: CelValue) => string;
function clauseOf(text: string): readonly [length: number, clause: Clause] {
  const given = /^\.(\d*)/.exec(text);
  const bad = (why: string): never => {
    throw new FormatProblem(`could not parse formatting clause: ${why}`);
  };
  const unprecise = (why: string): never => bad(`error while parsing precision: ${why}`);
  if (given && given[0].length === text.length) unprecise('could not find end of precision specifier');
  if (given?.[1] === '')
    unprecise('error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax');
  const precision = given ? Number(given[1]) : undefined;
  const length = (given?.[0].length ?? 0) + 1;
  const verb = text[length - 1]!;
  switch (verb) {
    case 's':
      return [length, formatText];
    case 'd':
      return [length, decimal];
    case 'f':
      return [length, fixed(precision ?? PRECISION)];
    case 'e':
      return [length, scientific(precision ?? PRECISION)];
    case 'b':
      return [length, binary];
    case 'x':
    case 'X':
      return [length, hex(verb === 'X')];
    case 'o':
      return [length, octal];
    default:
      return bad(`unrecognized formatting clause "${verb}"`);
  }
}
const isText = (value: CelValue): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number' ||
  value instanceof CelUint || value instanceof CelTimestamp || value instanceof CelDuration ||
  value instanceof Uint8Array || value instanceof CelTypeValue; // prettier-ignore
function formatText(value: CelValue): string {
  if (value instanceof CelList) return formatList(value);
  if (value instanceof CelMap) return formatMap(value);
  if (value === null) return 'null';
  if (!isText(value))
    throw new FormatProblem(
      `string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
    );
  return asText(value);
}
function asText(value: CelValue): string {
  if (typeof value === 'number') return goDouble(value);
  if (value instanceof CelUint) return String(value.value);
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return durationText(value);
  if (value instanceof CelTypeValue) return value.name;
  if (!(value instanceof Uint8Array)) return String(value);
  try {
    return decoder.decode(value);
  } catch {
    throw new FormatProblem('could not convert argument "invalid UTF-8 in bytes, cannot convert to string" to string');
  }
}
/** Within lists and maps: as a literal. */
function member(value: CelValue): string {
  if (typeof value === 'string') return goQuote(value);
  if (value instanceof Uint8Array) return `b${goQuote(asText(value))}`;
  if (value instanceof CelTimestamp) return `timestamp(${goQuote(timestampText(value))})`;
  if (value instanceof CelDuration) return `duration(${goQuote(durationText(value))})`;
  if (value instanceof CelList) return formatList(value);
  if (value instanceof CelMap) return formatMap(value);
  if (typeof value === 'number') return Number.isFinite(value) ? exact(value, PRECISION) : goQuote(goDouble(value));
  if (value === null) return 'null';
  if (!isText(value)) throw new FormatProblem(`no formatting function for ${typeNameOf(value)}`);
  return asText(value);
}
const formatList = (list: CelList): string => `[${[...list].map(member).join(', ')}]`;
function formatMap(map: CelMap): string {
  const entries: [string, string][] = [];
  for (const key of map.keys()) {
    if (typeof key !== 'string' && typeof key !== 'boolean' && typeof key !== 'bigint' && !(key instanceof CelUint))
      throw new FormatProblem(`no formatting function for map key of type ${typeNameOf(key)}`);
    entries.push([member(key), member(map.find(key) ?? null)]);
  }
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, value]) => `${key}:${value}`).join(', ')}}`;
}
function decimal(value: CelValue): string {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof CelUint) return String(value.value);
  throw new FormatProblem(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`);
}
const WORDS: Readonly<Record<string, number>> = { NaN: Number.NaN, Infinity, '-Infinity': -Infinity };
function doubleOf(value: CelValue, clause: string): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string' && Object.hasOwn(WORDS, value)) return WORDS[value]!;
  throw new FormatProblem(`${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`);
}
const infinite = (value: number): string => (Number.isNaN(value) ? 'NaN' : value > 0 ? '∞' : '-∞');
const fixed =
  (precision: number): Clause =>
  (value) => {
    const number = doubleOf(value, 'fixed-point');
    if (!Number.isFinite(number)) return infinite(number);
    const [whole, fraction] = exact(number, precision).split('.') as [string, string?];
    const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
    return fraction === undefined ? grouped : `${grouped}.${fraction}`;
  };
/** As Go prints a double with so many digits after the point: halves are rounded to even, which toFixed does not. */
function exact(value: number, precision: number): string {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, Math.abs(value));
  const word = bits.getBigUint64(0);
  const biased = Number(word >> 52n);
  const mantissa = (word & ((1n << 52n) - 1n)) | (biased === 0 ? 0n : 1n << 52n);
  const exponent = Math.max(biased, 1) - 1075;
  const places = Math.min(precision, MOST_PLACES);
  const scaled = mantissa * 10n ** BigInt(places);
  const digits = String(exponent >= 0 ? scaled << BigInt(exponent) : rounded(scaled, BigInt(-exponent))).padStart(
    places + 1,
    '0',
  );
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (precision === 0) return sign + digits;
  return `${sign}${digits.slice(0, -places)}.${digits.slice(-places).padEnd(Math.min(precision, WIDEST), '0')}`;
}
/** No double has more digits than these after the point. */
const MOST_PLACES = 1100;
const WIDEST = 10_000;
function rounded(value: bigint, shift: bigint): bigint {
  const whole = value >> shift;
  const rest = value - (whole << shift);
  const half = 1n << (shift - 1n);
  return rest > half || (rest === half && whole % 2n === 1n) ? whole + 1n : whole;
}
const RAISED = '⁰¹²³⁴⁵⁶⁷⁸⁹';
/** The number before the clause is a width here, not a precision: as in cel-go. */
const scientific =
  (width: number): Clause =>
  (value) => {
    const number = doubleOf(value, 'scientific');
    if (!Number.isFinite(number)) return infinite(number).padStart(Math.min(width, WIDEST));
    const [digits, power] = number.toExponential(PRECISION).split('e') as [string, string];
    const exponent = Number(power);
    const raised = [...String(Math.abs(exponent)).padStart(2, '0')].map((digit) => RAISED[Number(digit)]).join('');
    return `${digits}×10${exponent < 0 ? '⁻' : ''}${raised}`.padStart(Math.min(width, WIDEST));
  };
function integerOf(value: CelValue): bigint | undefined {
  if (typeof value === 'bigint') return value;
  return value instanceof CelUint ? value.value : undefined;
}
function binary(value: CelValue): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  const integer = integerOf(value);
  if (integer === undefined)
    throw new FormatProblem(`only integers and bools can be formatted as binary, was given ${typeNameOf(value)}`);
  return integer.toString(2);
}
function octal(value: CelValue): string {
  const integer = integerOf(value);
  if (integer === undefined)
    throw new FormatProblem(`octal clause can only be used on integers, was given ${typeNameOf(value)}`);
  return integer.toString(8);
}
const hex =
  (isUpper: boolean): Clause =>
  (value) => {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    const text =
      bytes instanceof Uint8Array
        ? Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
        : integerOf(value)?.toString(16);
    if (text === undefined)
      throw new FormatProblem(
        `only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`,
      );
    return isUpper ? text.toUpperCase() : text;
  };
