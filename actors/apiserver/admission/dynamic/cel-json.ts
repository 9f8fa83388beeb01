import { CelError, CelList, CelMap, type CelValue } from '../../../../schemas/cel/index.ts';

/** What an expression made as JSON. Throws Error: of a type that JSON does not have. */
export function jsonOf(value: CelValue): unknown {
  if (value === null || ['string', 'boolean', 'number'].includes(typeof value)) return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof CelList) return [...value].map(jsonOf);
  if (value instanceof CelMap) {
    const out: Record<string, unknown> = {};
    for (const key of value.keys()) {
      if (typeof key !== 'string') throw new Error('map key is not a string');
      out[key] = jsonOf(value.find(key) ?? null);
    }
    return out;
  }
  if (value instanceof CelError) throw new Error(value.message);
  // Of the rest only unsigned numbers are any in JSON.
  const { value: amount } = value as { readonly value?: unknown };
  if (typeof amount === 'bigint') return Number(amount);
  throw new Error('unsupported type in an object');
}
