import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { addQuantities, canonicalQuantity, compareQuantities, formatQuantity, parseQuantity, quantityMilli, quantityValue, subtractQuantities } from './quantity.ts'; // prettier-ignore

it.each([
  ['1000m', '1'], ['0.5', '500m'], ['1024Mi', '1Gi'], ['1e3', '1e3'], ['1E3', '1E3'], ['.5', '500m'], ['5.', '5.'], ['1.5Gi', '1536Mi'],
  ['100n', '100n'], ['1025Ki', '1025Ki'], ['0.1Ki', '102400m'], ['-1', '-1'], ['1.500', '1.500'], ['12e-3', '12e-3'], ['1E', '1E'], [' 7 ', '7'],
  ['0', '0'], ['00', '0'], ['1000000', '1M'], ['2000Ki', '2000Ki'], ['2001Ki', '2001Ki'], ['0.0000000001', '1n'],
])('keeps %s as %s', (text, kept) => expect(canonicalQuantity(text)).toBe(kept)); // prettier-ignore

const FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
it.each([
  ['', FORMAT],
  ['x', FORMAT],
  ['1.5.5', FORMAT],
  ['1KiB', FORMAT],
  ['1 Gi', FORMAT],
  ['1mm', "unable to parse quantity's suffix"],
])('refuses %j as the real decoder does', (text, message) => expect(() => canonicalQuantity(text)).toThrow(message));
const quantity = fc
  .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'n', 'u'))
  .map(([n, s]) => `${n}${s}`);
it('prints what reads back as the same amount', () => {
  fc.assert(fc.property(quantity, (q) => parseQuantity(canonicalQuantity(q)).nano === parseQuantity(q).nano));
  fc.assert(
    fc.property(quantity, (q) => parseQuantity(formatQuantity(parseQuantity(q))).nano === parseQuantity(q).nano),
  );
});
it('is settled after one pass', () => {
  fc.assert(fc.property(quantity, (q) => canonicalQuantity(canonicalQuantity(q)) === canonicalQuantity(q)));
});
it('adds what it subtracts, and orders by amount', () => {
  fc.assert(
    fc.property(quantity, quantity, (a, b) => compareQuantities(subtractQuantities(addQuantities(a, b), b), a) === 0),
  );
  fc.assert(
    fc.property(
      quantity,
      quantity,
      (a, b) => compareQuantities(a, b) === -compareQuantities(b, a) || compareQuantities(a, b) === 0,
    ),
  );
});
it('counts in whole units and in thousandths, rounded up', () => {
  expect([quantityValue('1500m'), quantityMilli('0.1'), quantityMilli('1n'), quantityValue('1Ki')]).toEqual([
    2, 100, 1, 1024,
  ]);
});
