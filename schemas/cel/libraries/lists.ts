import { compareValues, contains, equalValues, isComparable } from '../values-equal.ts';
import { typeNameOf, typeTextOf, CelArray, CelDuration, CelError, CelList, CelUint, noSuchOverload, type CelValue } from '../values.ts'; // prettier-ignore
import {
  isAny, isBool, isBytes, isDouble, isDuration, isInt, isList, isListOf, isString, isTimestamp, isUint, overload,
  stepwise, type CelLibrary,
} from './kinds.ts'; // prettier-ignore
import { operators } from './operators.ts';
import type { CelCall, CelKind, CelOverload } from '../eval-call.ts';

const COMPARABLE: readonly (readonly [string, CelKind])[] = [
  ['int', isInt], ['uint', isUint], ['double', isDouble], ['bool', isBool], ['duration', isDuration],
  ['timestamp', isTimestamp], ['string', isString], ['bytes', isBytes],
]; // prettier-ignore
/** No list grows beyond this. */
const MOST = 1 << 23;

function isSorted(list: CelList): CelValue {
  let before: CelValue | undefined;
  for (const item of list) {
    if (!isComparable(item)) return item instanceof CelError ? item : noSuchOverload();
    if (before !== undefined && compareValues(before, item) === 1) return false;
    before = item;
  }
  return true;
}
const extreme =
  (name: string, replacedAt: 1 | -1) =>
  (list: CelList): CelValue => {
    let best: CelValue | undefined;
    for (const item of list) {
      if (!isComparable(item)) return item instanceof CelError ? item : noSuchOverload();
      if (best === undefined || compareValues(best, item) === replacedAt) best = item;
    }
    return best ?? new CelError(`${name} called on empty list`);
  };
const { call: add } = operators['_+_'] as { readonly call: CelCall };
const sum =
  (zero: CelValue) =>
  (list: CelList): CelValue => {
    let total = zero;
    for (const item of list) {
      if (item instanceof CelError) return item;
      total = add(total, item);
      if (total instanceof CelError) return total;
    }
    return total;
  };
const perKind = (
  kinds: readonly (readonly [string, CelKind])[],
  id: (name: string) => string,
  call: (list: CelList) => CelValue,
): readonly CelOverload[] => kinds.map(([name, kind]) => overload(id(name), [isListOf(kind)], call));

function indexOf(list: CelList, item: CelValue): CelValue {
  for (let i = 0; i < list.size; i++) if (equalValues(list.at(i), item) === true) return BigInt(i);
  return -1n;
}
function lastIndexOf(list: CelList, item: CelValue): CelValue {
  for (let i = list.size - 1; i >= 0; i--) if (equalValues(list.at(i), item) === true) return BigInt(i);
  return -1n;
}
function slice(list: CelList, start: bigint, end: bigint): CelValue {
  const cannot = (why: string): CelError => new CelError(`cannot slice(${start}, ${end}), ${why}`);
  if (start < 0n || end < 0n) return cannot('negative indexes not supported');
  if (start > end) return cannot('start index must be less than or equal to end index');
  if (BigInt(list.size) < end) return cannot(`list is length ${list.size}`);
  const items: CelValue[] = [];
  for (let i = Number(start); i < Number(end); i++) items.push(list.at(i));
  return new CelArray(items);
}
function flatten(list: CelList, depth: bigint, into: CelValue[] = []): CelValue {
  if (depth < 0n) return new CelError('level must be non-negative');
  for (const item of list) {
    if (!(item instanceof CelList) || depth === 0n) into.push(item);
    else flatten(item, depth - 1n, into);
    if (into.length > MOST) return new CelError('internal error: list too long');
  }
  return new CelArray(into);
}
/** In the order of other values, one for each. Source: ext/lists.go sortListByAssociatedKeys. */
function sortBy(list: CelList, keys: CelList): CelValue {
  if (list.size !== keys.size)
    return new CelError(
      `@sortByAssociatedKeys() expected a list of the same size as the associated keys list, but got ${list.size} and ${keys.size} elements respectively`,
    );
  if (list.size === 0) return list;
  const by = [...keys];
  if (!isComparable(by[0]!)) return new CelError('list elements must be comparable');
  const type = typeNameOf(by[0]!);
  if (list.size > 1 && by.some((key) => typeNameOf(key) !== type))
    return new CelError('list elements must have the same type');
  const order = by.map((_, i) => i).sort((i, j) => (compareValues(by[i]!, by[j]!) === -1 ? -1 : compareValues(by[j]!, by[i]!) === -1 ? 1 : 0)); // prettier-ignore
  return new CelArray(order.map((i) => list.at(i)));
}
function range(count: bigint): CelValue {
  if (count > BigInt(MOST)) return new CelError('internal error: list too long');
  return new CelArray(Array.from({ length: Math.max(0, Number(count)) }, (_, i) => BigInt(i)));
}
function distinct(list: CelList): CelValue {
  if (list.size === 0) return list;
  const kept: CelValue[] = [];
  const simple = new Set<CelValue>();
  for (const item of list) {
    // Strings equal nothing but themselves: they need no walk.
    if (typeof item === 'string') {
      if (simple.has(item)) continue;
      simple.add(item);
    } else if (kept.some((one) => equalValues(item, one) === true)) continue;
    kept.push(item);
  }
  return new CelArray(kept);
}
function setsContain(list: CelList, others: CelList): CelValue {
  for (const item of others) {
    const found = contains(list, item);
    if (found !== true) return found;
  }
  return true;
}
function intersect(list: CelList, other: CelList): CelValue {
  for (const item of list) if (contains(other, item) === true) return true;
  return false;
}
function equivalent(a: CelList, b: CelList): CelValue {
  const found = setsContain(a, b);
  return found === true ? setsContain(b, a) : found;
}

/** Source: apiserver pkg/cel/library/lists.go; cel-go ext/lists.go (version 3), ext/sets.go. */
export const lists: CelLibrary = {
  isSorted: perKind(COMPARABLE, (name) => `list_${name}_is_sorted_bool`, isSorted),
  sum: [
    overload('list_int_sum_int', [isListOf(isInt)], sum(0n)),
    overload('list_uint_sum_uint', [isListOf(isUint)], sum(new CelUint(0n))),
    overload('list_double_sum_double', [isListOf(isDouble)], sum(0)),
    overload('list_duration_sum_duration', [isListOf(isDuration)], sum(new CelDuration(0n))),
  ],
  max: perKind(COMPARABLE, (name) => `list_${name}_max_${name}`, extreme('max', -1)),
  min: perKind(COMPARABLE, (name) => `list_${name}_min_${name}`, extreme('min', 1)),
  indexOf: [overload('list_a_index_of_int', [isList, isAny], indexOf)],
  lastIndexOf: [overload('list_a_last_index_of_int', [isList, isAny], lastIndexOf)],
  slice: [stepwise('list_slice', [isList, isInt, isInt], slice)],
  flatten: {
    unguarded: true,
    overloads: [
      overload('list_flatten', [isAny], (list: CelValue) => list instanceof CelList ? flatten(list, 1n) : new CelError(`no such overload: ${typeTextOf(list)}.flatten()`)), // prettier-ignore
      overload('list_flatten_int', [isAny, isAny], (list: CelValue, depth: CelValue) => list instanceof CelList && typeof depth === 'bigint' ? flatten(list, depth) : new CelError(`no such overload: ${typeTextOf(list)}.flatten(${typeTextOf(depth)})`)), // prettier-ignore
    ],
  },
  sort: { call: (list) => sortBy(list as CelList, list as CelList), trait: isList },
  '@sortByAssociatedKeys': {
    call: (list, keys) => (keys instanceof CelList ? sortBy(list as CelList, keys) : noSuchOverload()),
    trait: isList,
  },
  'lists.range': [overload('lists_range', [isInt], range)],
  reverse: [overload('list_reverse', [isList], (list: CelList) => new CelArray([...list].reverse()))],
  distinct: [overload('list_distinct', [isList], distinct)],
  'sets.contains': [overload('list_sets_contains_list', [isList, isList], setsContain)],
  'sets.equivalent': [overload('list_sets_equivalent_list', [isList, isList], equivalent)],
  'sets.intersects': [overload('list_sets_intersects_list', [isList, isList], intersect)],
};
