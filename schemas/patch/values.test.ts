import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sameJson } from './values.ts';

const value = fc.jsonValue({ maxDepth: 4 });
it('what is the same is what prints the same, whatever the order of fields', () => {
  const sorted = (_key: string, inner: unknown): unknown =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  const told = (it: unknown): string => JSON.stringify(it, sorted);
  const pairs = fc.oneof(
    fc.tuple(value, value),
    value.map((one) => [one, structuredClone(one)] as const),
  );
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      expect(sameJson(a, b)).toBe(told(a) === told(b));
    }),
  );
});
it.each([
  [{}, []],
  [[], {}],
  [null, {}],
  [[1], [1, 2]],
  [{ a: [] }, { a: null }],
  [{ a: 1 }, { a: '1' }],
])('%j is not %j', (a, b) => {
  expect(sameJson(a, b)).toBe(false);
  expect(sameJson(b, a)).toBe(false);
});
it('a field that is undefined counts as absent', () => {
  expect(sameJson({ a: undefined, b: 1 }, { b: 1, c: undefined })).toBe(true);
});
