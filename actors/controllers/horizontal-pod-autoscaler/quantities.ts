import { formatQuantity, parseQuantity } from '../../../schemas/meta/quantity.ts';

/** Go's numbers of 64 and 32 bits. */
export const MAX_INT64 = 2n ** 63n - 1n;
export const MAX_INT32 = 2 ** 31 - 1;
const NANOS = 1_000_000n;

/** Thousandths, rounded up. Source: apimachinery Quantity.MilliValue. */
export function milliOf(quantity: string | number): bigint {
  const { nano } = parseQuantity(quantity);
  const milli = nano / NANOS + (nano > 0n && nano % NANOS !== 0n ? 1n : 0n);
  return milli > MAX_INT64 ? MAX_INT64 : milli;
}
/** Source: NewMilliQuantity. */
export const quantityOf = (milli: bigint, format: 'DecimalSI' | 'BinarySI' = 'DecimalSI'): string =>
  formatQuantity({ nano: milli * NANOS, format });
/** Approximately. Source: Quantity.AsApproximateFloat64. */
export const floatOf = (quantity: string | number): number => Number(parseQuantity(quantity).nano) / 1e9;
/** What does not fit stays at the most. */
export const int32 = (value: number): number => Math.min(value, MAX_INT32);
