/** A range of costs or sizes, each up to 2^64 - 1, which also means unknown. Source: cel-go checker/cost.go. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}
export const MOST = 2n ** 64n - 1n;
export const UNKNOWN: Range = { min: 0n, max: MOST };
export const ONE: Range = { min: 1n, max: 1n };
export const ZERO: Range = { min: 0n, max: 0n };

const capped = (value: bigint): bigint => (value > MOST ? MOST : value);
export const fixed = (value: bigint | number): Range => ({ min: BigInt(value), max: BigInt(value) });
export const plus = (a: Range, b: Range): Range => ({ min: capped(a.min + b.min), max: capped(a.max + b.max) });
export const times = (a: Range, b: Range): Range => ({ min: capped(a.min * b.min), max: capped(a.max * b.max) });
export const union = (a: Range, b: Range): Range => ({
  min: b.min < a.min ? b.min : a.min,
  max: b.max > a.max ? b.max : a.max,
});
/** Times a factor that need not be whole, rounded up. */
export const scaled = (a: Range, factor: number): Range => ({ min: scale(a.min, factor), max: scale(a.max, factor) });
function scale(value: bigint, factor: number): bigint {
  const product = Math.ceil(Number(value) * factor);
  return product >= 2 ** 64 ? MOST : BigInt(product);
}
/** Going through a text costs this a character; a regular expression this a character of its own. */
export const TEXT = 0.1;
export const PATTERN = 0.25;
