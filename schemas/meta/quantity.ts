/**
 * Quantities: `100m`, `1.5Gi`, `2e3`. Exact: held as an integer of nano units.
 * Source: apimachinery pkg/api/resource quantity.go, suffix.go.
 */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';
export interface Quantity {
  /** Value times 10^9. */
  readonly nano: bigint;
  readonly format: QuantityFormat;
}
const NANO = 1_000_000_000n;
/** Source: quantity.go: values are capped at 2^63-1. */
const MAX = ((1n << 63n) - 1n) * NANO;
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+)?$/;

export const QUANTITY_FORMAT_ERROR =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const SUFFIX_ERROR = "unable to parse quantity's suffix";

/** Division that rounds away from zero, as quantities finer than a nano unit are. */
const divideUp = (a: bigint, b: bigint): bigint => {
  const q = a / b;
  return a % b === 0n ? q : a < 0n ? q - 1n : q + 1n;
};
/** Thrown by parseQuantity; the text is what the real decoder says. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
}

/** Throws QuantityError. Numbers are read by their decimal text. */
export function parseQuantity(input: string | number): Quantity {
  const text = typeof input === 'number' ? String(input) : input.trim();
  const match = SHAPE.exec(text);
  if (match === null || (match[2] === '' && !match[3])) throw new QuantityError(problemOf(text));
  const [, sign, whole, fraction = '', suffix = ''] = match;
  let digits = BigInt(whole! + fraction || '0');
  if (sign === '-') digits = -digits;
  const scale = fraction.length;
  let nano: bigint;
  let format: QuantityFormat;
  const binary = BINARY[suffix];
  if (binary !== undefined) {
    nano = divideUp((digits * NANO) << binary, 10n ** BigInt(scale));
    format = 'BinarySI';
  } else {
    const exponent = DECIMAL[suffix] ?? Number(suffix.slice(1));
    const power = exponent - scale + 9;
    nano =
      power >= 0 ? digits * 10n ** BigInt(Math.min(power, 60)) : divideUp(digits, 10n ** BigInt(Math.min(-power, 60)));
    format = suffix !== '' && DECIMAL[suffix] === undefined ? 'DecimalExponent' : 'DecimalSI';
  }
  return { nano: nano > MAX ? MAX : nano < -MAX ? -MAX : nano, format };
}
const problemOf = (text: string): string =>
  text !== '' && /^[+-]?\d*(?:\.\d*)?[eEinumkKMGTP]*[-+]?\d*$/.test(text) ? SUFFIX_ERROR : QUANTITY_FORMAT_ERROR;

const DECIMAL_SUFFIXES = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Canonical text: no fraction, the largest suffix that keeps it exact. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  // A binary quantity below 1024 or with a fraction is written in decimal.
  if (format === 'BinarySI' && nano % NANO === 0n && (nano >= 1024n * NANO || nano <= -1024n * NANO)) {
    let value = nano / NANO;
    let step = 0;
    while (value % 1024n === 0n && step < 6) {
      value /= 1024n;
      step++;
    }
    return `${value}${BINARY_SUFFIXES[step]}`;
  }
  let value = nano;
  let step = 0;
  while (value % 1000n === 0n && step < 9) {
    value /= 1000n;
    step++;
  }
  if (format !== 'DecimalExponent') return `${value}${DECIMAL_SUFFIXES[step]}`;
  return step === 3 ? `${value}` : `${value}e${(step - 3) * 3}`;
}
const PLAIN = /^(?:0|[1-9]\d{0,2})$/;
const MILLI = /^[1-9]\d{0,2}m$/;
/**
 * The text that Kubernetes keeps of a quantity: the one given where its digits fit the suffix (`1.500`, `1E3`), else the
 * canonical one. Throws QuantityError. Source: quantity.go ParseQuantity, "in canonical form, reuse the string".
 */
export function canonicalQuantity(input: string | number): string {
  const text = typeof input === 'number' ? String(input) : input.trim();
  if (PLAIN.test(text) || MILLI.test(text)) return text;
  const quantity = parseQuantity(text);
  return isReusable(text) ? text : formatQuantity(quantity);
}
const MAX_DIGITS = 18;
function isReusable(text: string): boolean {
  const [, , whole = '', fraction = '', suffix = ''] = SHAPE.exec(text)!;
  const digits = (whole.replace(/^0+/, '') || '0') + fraction;
  if (digits.length > MAX_DIGITS) return false;
  const binary = BINARY[suffix];
  if (binary !== undefined)
    return (
      fraction === '' && digits.length + Math.floor((Number(binary) * 3) / 10) <= 14 && (BigInt(digits) & 7n) !== 0n
    );
  const scale = (DECIMAL[suffix] ?? Number(suffix.slice(1))) - fraction.length;
  return scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}
export const compareQuantities = (a: string | number, b: string | number): number => {
  const x = parseQuantity(a).nano;
  const y = parseQuantity(b).nano;
  return x < y ? -1 : x > y ? 1 : 0;
};
/** The sum, in the format of the first that is not zero. */
export function addQuantities(a: string | number, b: string | number): string {
  const x = parseQuantity(a);
  const y = parseQuantity(b);
  return formatQuantity({ nano: x.nano + y.nano, format: x.nano === 0n ? y.format : x.format });
}
export function subtractQuantities(a: string | number, b: string | number): string {
  const x = parseQuantity(a);
  const y = parseQuantity(b);
  return formatQuantity({ nano: x.nano - y.nano, format: x.nano === 0n ? y.format : x.format });
}
/** Whole units, rounded up: bytes, pieces. */
export const quantityValue = (input: string | number): number => Number(divideUp(parseQuantity(input).nano, NANO));
/** Thousandths, rounded up: millicores. */
export const quantityMilli = (input: string | number): number =>
  Number(divideUp(parseQuantity(input).nano, 1_000_000n));
/** Thousandths as a quantity: `250` is `250m`. */
export const quantityOfMilli = (milli: number): string =>
  formatQuantity({ nano: BigInt(Math.ceil(milli)) * 1_000_000n, format: 'DecimalSI' });
