import { CelError, CelUint, type CelValue } from './values.ts';

const MAX_INT = (1n << 63n) - 1n;
const MIN_INT = -(1n << 63n);
const MAX_UINT = (1n << 64n) - 1n;

/** An int, or the error that it does not fit 64 bits. */
export const intOf = (value: bigint): bigint | CelError =>
  value > MAX_INT || value < MIN_INT ? new CelError('integer overflow') : value;
export const uintOf = (value: bigint): CelUint | CelError =>
  value > MAX_UINT || value < 0n ? new CelError('unsigned integer overflow') : new CelUint(value);

export const doubleToInt = (value: number): bigint | CelError =>
  Number.isFinite(value) && value > -(2 ** 63) && value < 2 ** 63
    ? BigInt(Math.trunc(value))
    : new CelError('integer overflow');
export const doubleToUint = (value: number): CelUint | CelError =>
  Number.isFinite(value) && value >= 0 && value < 2 ** 64
    ? new CelUint(BigInt(Math.trunc(value)))
    : new CelError('unsigned integer overflow');

export type Order = -1 | 0 | 1;
const compare = <T extends number | bigint>(a: T, b: T): Order => (a < b ? -1 : a > b ? 1 : 0);

/** Numbers of whatever types by amount; undefined when one is no number, or not a number. */
export function compareNumbers(a: bigint | number | CelUint, b: CelValue): Order | undefined {
  const x = a instanceof CelUint ? a.value : a;
  const y = b instanceof CelUint ? b.value : b;
  if (typeof x === 'bigint' && typeof y === 'bigint') return compare(x, y);
  if (typeof y !== 'bigint' && typeof y !== 'number') return undefined;
  if (Number.isNaN(x) || Number.isNaN(y)) return undefined;
  // As cel-go: the int becomes a double first.
  return compare(Number(x), Number(y));
}
/** Source: Go strconv.ParseInt, base 10. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return value > MAX_INT || value < MIN_INT ? undefined : value;
}
/** Source: Go strconv.ParseUint, base 10. */
export function parseUnsigned(text: string): CelUint | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > MAX_UINT ? undefined : new CelUint(value);
}
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?\d+)$/;
/** Source: Go strconv.ParseFloat, 64 bits; what does not fit is none. */
export function parseDouble(given: string): number | undefined {
  const text = given.includes('_') ? given.replaceAll(/(?<=\d)_(?=\d)/g, '') : given;
  if (DECIMAL.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const word = text.toLowerCase();
  if (/^[+-]?(?:inf|infinity)$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity;
  if (word === 'nan') return Number.NaN;
  const hex = HEXADECIMAL.exec(text);
  if (hex === null || (hex[2] === '' && !hex[3])) return undefined;
  const fraction = hex[3] ?? '';
  const value = Number.parseInt(hex[2]! + fraction, 16) * 2 ** (Number(hex[4]) - 4 * fraction.length);
  return Number.isFinite(value) ? (hex[1] === '-' ? -value : value) : undefined;
}
