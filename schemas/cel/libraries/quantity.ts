import {
  formatQuantity, parseQuantity, QuantityError, type Quantity,
} from '../../meta/quantity.ts'; // prettier-ignore
import { CelError, CelOpaque, noSuchOverload, type CelValue } from '../values.ts';
import { isA, isInt, isString, overload, type CelLibrary } from './kinds.ts';

const NANO = 1_000_000_000n;
/** An amount of a resource: `100m`, `1Gi`. */
export class CelQuantity extends CelOpaque {
  override readonly typeName = 'kubernetes.Quantity';
  readonly quantity: Quantity;
  /** Undefined where the real one has it as an arbitrary decimal: it is then never told as an integer. */
  readonly amount: Amount | undefined;
  constructor(quantity: Quantity, amount: Amount | undefined) {
    super();
    this.quantity = quantity;
    this.amount = amount;
  }
  equals(other: CelValue): boolean | CelError {
    return other instanceof CelQuantity ? this.quantity.nano === other.quantity.nano : noSuchOverload();
  }
  override toString(): string {
    return formatQuantity(this.quantity);
  }
}
/** A whole number of 64 bits times a power of ten: how the real one holds quantities that are not too long. */
interface Amount {
  readonly value: bigint;
  readonly scale: number;
}
const fit = (value: bigint): bigint | undefined => (value < 1n << 63n && value >= -(1n << 63n) ? value : undefined);
const MAX_DIGITS = 18;
const BINARY = 'KMGTPE';
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Source: resource.ParseQuantity's fast path. */
function amountOf(text: string): Amount | undefined {
  const [, sign, zeros, whole = '', fraction = '', suffix = ''] = /^([+-]?)(0*)(\d*)(?:\.(\d*))?(.*)$/.exec(text)!;
  // The loop that strips zeros ends with the text.
  if (zeros !== '' && whole === '' && text.endsWith(zeros!) && !text.includes('.')) return { value: 0n, scale: 0 };
  const number = whole === '' ? '0' : whole;
  let value = BigInt(number + fraction);
  if (suffix.endsWith('i')) {
    const exponent = 10 * (BINARY.indexOf(suffix[0]!) + 1);
    if (fraction !== '' || 15 - number.length - Math.floor((exponent * 3) / 10) - 1 < 0) return undefined;
    value <<= BigInt(exponent);
  } else if (number.length + fraction.length > MAX_DIGITS) return undefined;
  const scale = suffix.endsWith('i') ? 0 : (DECIMAL[suffix] ?? Number(suffix.slice(1))) - fraction.length;
  if (scale < -9 || fit(value) === undefined) return undefined;
  return { value: sign === '-' ? -value : value, scale };
}
/** Source: resource.int64Amount Add. */
function sum(a: Amount, b: Amount): Amount | undefined {
  if (b.value === 0n) return a;
  if (a.value === 0n) return b;
  const scale = Math.min(a.scale, b.scale);
  const [x, y] = [a, b].map((one) => one.value * 10n ** BigInt(one.scale - scale));
  return fit(x!) === undefined || fit(y!) === undefined || fit(x! + y!) === undefined ? undefined : { value: x! + y!, scale }; // prettier-ignore
}
const isQuantity = isA(CelQuantity);
const two = [isQuantity, isQuantity] as const;
/** An amount as expressions see it; an error for what is none. */
export function readQuantity(text: string): CelValue {
  try {
    // Unlike where they are fields, white space around is not taken.
    if (text !== text.trim()) return readQuantity(`${text.trim()}!`);
    return new CelQuantity(parseQuantity(text), amountOf(text));
  } catch (error) {
    if (error instanceof QuantityError) return new CelError(error.message);
    throw error;
  }
}
const compare = ({ quantity: a }: CelQuantity, { quantity: b }: CelQuantity): bigint =>
  a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n;
/** The format is that of the first, of the second where the first is nothing. Source: resource.Quantity Add, Sub. */
function plus(
  { quantity: a, amount }: CelQuantity,
  { quantity: b, amount: other }: CelQuantity,
  sign: bigint,
): CelValue {
  const both = amount && other && sum(amount, { ...other, value: sign * other.value });
  return new CelQuantity({ nano: a.nano + sign * b.nano, format: a.nano === 0n ? b.format : a.format }, both);
}
const ofInteger = (value: bigint): CelQuantity =>
  new CelQuantity({ nano: value * NANO, format: 'DecimalExponent' }, { value, scale: 0 });
/** As a whole number, where it is held as one. Source: resource.Quantity AsInt64. */
function integer({ amount }: CelQuantity): bigint | undefined {
  return amount && amount.scale >= 0 ? fit(amount.value * 10n ** BigInt(amount.scale)) : undefined;
}

/** Source: apiserver pkg/cel/library/quantity.go. */
export const quantities: CelLibrary = {
  quantity: [overload('string_to_quantity', [isString], readQuantity)],
  isQuantity: [overload('is_quantity_string', [isString], (text: string) => !(readQuantity(text) instanceof CelError))],
  sign: [
    overload('quantity_sign', [isQuantity], ({ quantity: { nano } }: CelQuantity) => nano > 0n ? 1n : nano < 0n ? -1n : 0n), // prettier-ignore
  ],
  isGreaterThan: [overload('quantity_is_greater_than', two, (a: CelQuantity, b: CelQuantity) => compare(a, b) === 1n)],
  isLessThan: [overload('quantity_is_less_than', two, (a: CelQuantity, b: CelQuantity) => compare(a, b) === -1n)],
  compareTo: [overload('quantity_compare_to', two, compare)],
  asApproximateFloat: [
    overload('quantity_get_float', [isQuantity], ({ quantity: { nano } }: CelQuantity) => Number(nano) / 1e9),
  ],
  asInteger: [
    overload('quantity_get_int', [isQuantity], (value: CelQuantity) => integer(value) ?? new CelError('cannot convert value to integer')), // prettier-ignore
  ],
  isInteger: [overload('quantity_is_integer', [isQuantity], (value: CelQuantity) => integer(value) !== undefined)],
  add: [
    overload('quantity_add', two, (a: CelQuantity, b: CelQuantity) => plus(a, b, 1n)),
    overload('quantity_add_int', [isQuantity, isInt], (a: CelQuantity, b: bigint) => plus(a, ofInteger(b), 1n)),
  ],
  sub: [
    overload('quantity_sub', two, (a: CelQuantity, b: CelQuantity) => plus(a, b, -1n)),
    overload('quantity_sub_int', [isQuantity, isInt], (a: CelQuantity, b: bigint) => plus(a, ofInteger(b), -1n)),
  ],
};
