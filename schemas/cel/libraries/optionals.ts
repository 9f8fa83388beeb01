import {
  CelArray, CelDuration, CelEntries, CelError, CelGrowingEntries, CelList, CelMap, CelOptional, CelTimestamp, CelUint,
  type CelValue,
} from '../values.ts'; // prettier-ignore
import { showValue } from '../values-text.ts';
import { isAny, isList, isListOf, isMap, isOptional, overload, stepwise, type CelLibrary } from './kinds.ts';

/** 0001-01-01T00:00:00Z. */
const ZERO_TIME = -62_135_596_800_000_000_000n;
function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === 0 || value === 0n || value === '') return true;
  if (value instanceof CelList || value instanceof CelMap) return value.size === 0;
  if (value instanceof CelUint) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof CelDuration) return value.nanos === 0n;
  return value instanceof CelTimestamp && value.nanos === ZERO_TIME;
}
function unwrap(list: CelList): CelValue {
  const values: CelValue[] = [];
  for (const item of list) {
    if (!(item instanceof CelOptional)) return new CelError(`value ${showValue(item)} is not optional`);
    if (item.value !== undefined) values.push(item.value);
  }
  return new CelArray(values);
}
const end = (at: (size: number) => number) => (list: CelList): CelValue =>
  list.size === 0 ? CelOptional.none : new CelOptional(list.at(at(list.size))); // prettier-ignore

function insert(map: CelMap, key: CelValue, value: CelValue): CelValue {
  if (map.find(key) !== undefined) return new CelError(`insert failed: key ${showValue(key)} already exists`);
  const into = map instanceof CelGrowingEntries ? map : copyOf(map);
  into.set(key, value);
  return into;
}
function copyOf(map: CelMap): CelEntries {
  const copy = new CelEntries();
  for (const key of map.keys()) copy.set(key, map.find(key) ?? null);
  return copy;
}
function insertAll(map: CelMap, more: CelMap): CelValue {
  let into = map;
  for (const key of more.keys()) {
    const result = insert(into, key, more.find(key) ?? null);
    if (!(result instanceof CelMap)) return result;
    into = result;
  }
  return into;
}
/** Source: cel-go cel/library.go OptionalTypes, ext/comprehensions.go. */
export const optionals: CelLibrary = {
  'optional.of': [overload('optional_of', [isAny], (value: CelValue) => new CelOptional(value))],
  'optional.ofNonZeroValue': [
    overload('optional_ofNonZeroValue', [isAny], (value: CelValue) => isZero(value) ? CelOptional.none : new CelOptional(value)), // prettier-ignore
  ],
  'optional.none': [overload('optional_none', [], () => CelOptional.none)],
  value: [
    overload('optional_value', [isOptional], ({ value }: CelOptional) => value === undefined ? new CelError('optional.none() dereference') : value), // prettier-ignore
  ],
  hasValue: [overload('optional_hasValue', [isOptional], ({ value }: CelOptional) => value !== undefined)],
  first: [
    overload(
      'list_first',
      [isList],
      end(() => 0),
    ),
  ],
  last: [
    overload(
      'list_last',
      [isList],
      end((size) => size - 1),
    ),
  ],
  'optional.unwrap': [overload('optional_unwrap', [isListOf(isOptional)], unwrap)],
  unwrapOpt: [overload('optional_unwrapOpt', [isListOf(isOptional)], unwrap)],
  'cel.@mapInsert': [
    stepwise('@mapInsert_map_key_value', [isMap, isAny, isAny], insert),
    overload('@mapInsert_map_map', [isMap, isMap], insertAll),
  ],
};
