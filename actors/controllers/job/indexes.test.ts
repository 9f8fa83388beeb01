import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf, firstPending, formatIndexes, hasIndex, merge, overlapOf, parseIndexes, withIndexes } from './indexes.ts'; // prettier-ignore

const sets = fc.uniqueArray(fc.nat(40), { maxLength: 25 });
const of = (indexes: readonly number[]) => withIndexes([], indexes);
const listed = (indexes: readonly number[]) => indexes.toSorted((a, b) => a - b);
const expand = (text: string): number[] => Array.from({ length: 41 }, (_, i) => i).filter((i) => hasIndex(parseIndexes(text, 41), i)); // prettier-ignore

describe('indexes', () => {
  it.each([
    ['', ''],
    ['1', '1'],
    ['1,2', '1,2'],
    ['1-2', '1,2'],
    ['1,2,3,5', '1-3,5'],
    ['0-99', '0-9'],
    ['3,x,7', '3,7'],
    ['3,5-y,7', '3,7'],
    ['10', ''],
    ['4-,6', '6'],
  ])('of %j, with room for ten, are %j', (text, formatted) => {
    expect(formatIndexes(parseIndexes(text, 10))).toBe(formatted);
  });
  it('are the same when they are printed and read', () => {
    fc.assert(
      fc.property(sets, (indexes) => {
        expect(expand(formatIndexes(of(indexes)))).toEqual(listed(indexes));
      }),
    );
  });
  it('are merged, counted and compared as sets are', () => {
    fc.assert(
      fc.property(sets, sets, (a, b) => {
        const both = new Set([...a, ...b]);
        const merged = merge(of(a), of(b));
        expect(expand(formatIndexes(merged))).toEqual(listed([...both]));
        expect(countOf(merged)).toBe(both.size);
        expect(overlapOf(of(a), of(b))).toBe(a.filter((i) => b.includes(i)).length);
      }),
    );
  });
  it('that are pending are the lowest that nobody has', () => {
    fc.assert(
      fc.property(sets, fc.nat(30), fc.nat(40), (taken, count, room) => {
        const free = Array.from({ length: room }, (_, i) => i).filter((i) => !taken.includes(i));
        expect(firstPending(of(taken), count, room)).toEqual(free.slice(0, count));
      }),
    );
  });
});
