/**
 * JSON.parse() forgets how a number was written, which Go's decoder does not: `2.0` is no integer to it. Where that may
 * matter the text is read once more, with a symbol of that spelling in place of each such number: a type that nothing else
 * in JSON has, so a decoder that knows nothing of it takes it for the wrong one.
 */
const PLAIN = /^-?\d{1,15}$/;
const INTEGER = /^-?\d+$/;

/** With the third argument that the reviver has in Node 24. */
type Parse = (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;
/** The value of a text that is known to be JSON; what is not written as a plain integer is a symbol. */
export const parseSpelled = (text: string): unknown =>
  (JSON.parse as Parse)(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && !PLAIN.test(source) ? Symbol(source) : value,
  );
/** Whether a text may hold integers beyond those that a double tells apart. */
export const hasLongNumbers = (text: string): boolean => /\d{16}/.test(text);

/** The integer that a symbol spells, if it does and it is within `limit` (of which the negative counts as within). */
export function spelledInteger(spelling: symbol, limit: bigint): number | undefined {
  const text = spelling.description!;
  if (!INTEGER.test(text)) return undefined;
  const exact = BigInt(text);
  return exact < limit && exact >= -limit ? Number(exact) : undefined;
}
/** The value with numbers in place of symbols; changes `value`. */
export function withNumbers<T>(value: T): T {
  if (typeof value === 'symbol') return Number(value.description) as T;
  if (typeof value !== 'object' || value === null) return value;
  const own = value as Record<string, unknown>;
  for (const key of Object.keys(own))
    if (typeof own[key] === 'object' || typeof own[key] === 'symbol') own[key] = withNumbers(own[key]);
  return value;
}
