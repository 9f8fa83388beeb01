import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assign } from './leader-assignment.ts';

const names = (prefix: string, max: number) =>
  fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }).map((text) => prefix + text), { minLength: 1, maxLength: max }); // prettier-ignore

it('gives each group to one candidate, to none more than one more than to another, whoever asks', () => {
  fc.assert(
    fc.property(names('g', 12), names('c', 7), (groups, candidates) => {
      const assigned = assign(groups, candidates);
      expect([...assigned.keys()].toSorted()).toEqual(groups.toSorted());
      const loads = candidates.map((id) => [...assigned.values()].filter((other) => other === id).length);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      expect(assign(groups.toReversed(), candidates.toReversed())).toEqual(assigned);
    }),
  );
});
it('gives nothing to nobody', () => {
  expect(assign(['a'], []).size).toBe(0);
});
it('moves only part of the groups when a third candidate comes', () => {
  const groups = Array.from({ length: 12 }, (_, i) => `group-${i}`);
  const [before, after] = [assign(groups, ['a', 'b']), assign(groups, ['a', 'b', 'c'])];
  expect(groups.filter((group) => before.get(group) !== after.get(group)).length).toBeLessThan(8);
});
