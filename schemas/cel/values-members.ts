import { CelArray, CelError, CelUint, type CelValue } from './values.ts';
import { doubleToInt, doubleToUint } from './values-number.ts';

/**
 * The items of a list that is known, as a set that `in` can look into: strings as `s...`, uints as `u...`, numbers of the
 * other types with the same amount beside each. Undefined where an item is not simple, `none` of an empty list.
 * Source: cel-go interpreter/decorators.go maybeOptimizeSetMembership.
 */
export function membersOf(list: CelValue): ReadonlySet<unknown> | 'none' | undefined {
  if (!(list instanceof CelArray)) return undefined;
  if (list.size === 0) return 'none';
  const members = new Set<unknown>();
  for (const item of list.items) {
    if (typeof item === 'string') members.add(`s${item}`);
    else if (typeof item === 'boolean') members.add(item);
    else if (typeof item === 'bigint') {
      members.add(item).add(Number(item));
      if (item >= 0n) members.add(`u${item}`);
    } else if (item instanceof CelUint) {
      members.add(`u${item.value}`).add(Number(item.value));
      if (item.value < 1n << 63n) members.add(item.value);
    } else if (typeof item === 'number') {
      members.add(item);
      const [int, uint] = [doubleToInt(item), doubleToUint(item)];
      if (!(int instanceof CelError) && Number(int) === item) members.add(int);
      if (!(uint instanceof CelError) && Number(uint.value) === item) members.add(`u${uint.value}`);
    } else return undefined;
  }
  return members;
}
