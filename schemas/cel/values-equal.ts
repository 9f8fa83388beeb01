import {
  CelDuration, CelError, CelList, CelMap, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint,
  noSuchOverload, type CelValue,
} from './values.ts'; // prettier-ignore
import { compareNumbers, type Order } from './values-number.ts';

/** What `==` gives. Source: cel-go common/types util.go Equal, and each type's. */
export function equalValues(a: CelValue, b: CelValue): boolean | CelError {
  switch (typeof a) {
    case 'string':
    case 'boolean':
      return a === b;
    case 'bigint':
      return typeof b === 'bigint' ? a === b : compareNumbers(a, b) === 0;
    case 'number':
      return compareNumbers(a, b) === 0;
    default:
  }
  if (a === null || b === null) return a === b;
  if (a instanceof CelError) return a;
  if (a instanceof CelUint) return compareNumbers(a, b) === 0;
  if (a instanceof CelList) return a.equals(b) ?? equalLists(a, b);
  if (a instanceof CelMap) return a.equals(b) ?? equalMaps(a, b);
  if (a instanceof CelOpaque) return a.equals(b);
  if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos;
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos;
  if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name;
  if (a instanceof CelOptional) {
    if (!(b instanceof CelOptional)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equalValues(a.value, b.value);
  }
  return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
function equalLists(a: CelList, b: CelValue): boolean | CelError {
  if (!(b instanceof CelList) || a.size !== b.size) return false;
  for (let i = 0; i < a.size; i++) if (equalValues(a.at(i), b.at(i)) === false) return false;
  return true;
}
function equalMaps(a: CelMap, b: CelValue): boolean | CelError {
  if (!(b instanceof CelMap) || a.size !== b.size) return false;
  for (const key of a.keys()) {
    const other = b.find(key);
    if (other === undefined || equalValues(a.find(key) ?? null, other) === false) return false;
  }
  return true;
}
/** Whether a list has an item. */
export function contains(list: CelList, item: CelValue): boolean | CelError {
  const own = list.has(item);
  if (own !== undefined) return own;
  for (let i = 0; i < list.size; i++) if (equalValues(item, list.at(i)) === true) return true;
  return false;
}

/** By code points, which is the order of the bytes too. */
function compareText(a: string, b: string): Order {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    // Halves of characters beyond 65535 sort after all others.
    if (x >= 0xd800 && x <= 0xdfff) x += 0x10000;
    if (y >= 0xd800 && y <= 0xdfff) y += 0x10000;
    return x < y ? -1 : 1;
  }
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}
function compareBytes(a: Uint8Array, b: Uint8Array): Order {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return a.length < b.length ? -1 : a.length > b.length ? 1 : 0;
}
const order = (a: bigint, b: bigint): Order => (a < b ? -1 : a > b ? 1 : 0);
/** Whether values of its type have an order. */
export const isComparable = (value: CelValue): boolean =>
  typeof value !== 'object' || value instanceof CelUint || value instanceof Uint8Array ||
  value instanceof CelTimestamp || value instanceof CelDuration; // prettier-ignore
/** Of comparable values; an error where the other is of a type that does not compare with it. */
export function compareValues(a: CelValue, b: CelValue): Order | CelError {
  if (typeof a === 'string') return typeof b === 'string' ? compareText(a, b) : orError(b);
  if (typeof a === 'boolean') return typeof b === 'boolean' ? order(a ? 1n : 0n, b ? 1n : 0n) : orError(b);
  if (typeof a === 'bigint' || typeof a === 'number' || a instanceof CelUint) {
    const found = compareNumbers(a, b);
    if (found !== undefined) return found;
    return Number.isNaN(a) || Number.isNaN(b) ? new CelError('NaN values cannot be ordered') : orError(b);
  }
  if (a instanceof CelTimestamp && b instanceof CelTimestamp) return order(a.nanos, b.nanos);
  if (a instanceof CelDuration && b instanceof CelDuration) return order(a.nanos, b.nanos);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return orError(b);
}
const orError = (value: CelValue): CelError => (value instanceof CelError ? value : noSuchOverload());
