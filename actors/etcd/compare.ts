/** Where UTF-16 order and the order of UTF-8 bytes part: surrogates sort below U+E000 in the one, above in the other. */
const SURROGATE = /[\ud800-\udfff]/;
export const hasSurrogate = (key: string): boolean => SURROGATE.test(key);

/** etcd's order of keys, by UTF-8 bytes, for keys without surrogates: JavaScript's own order of strings. */
export const compareKeys = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** etcd's order of keys, by UTF-8 bytes, for any keys. */
export function compareAnyKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit);
