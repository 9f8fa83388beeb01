import fc from 'fast-check';
import { expect, it } from 'vitest';
import { copyJson } from './copy.ts';

it('copies JSON as structuredClone does, whatever its keys are called', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = copyJson(value);
      expect(copy).toStrictEqual(structuredClone(value));
      if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
    }),
    { numRuns: 200 },
  );
  const odd = JSON.parse('{"__proto__":{"a":[1]},"constructor":-0}') as object;
  expect(JSON.stringify(copyJson(odd))).toBe('{"__proto__":{"a":[1]},"constructor":0}');
  expect(Object.getPrototypeOf(copyJson(odd))).toBe(Object.prototype);
});
