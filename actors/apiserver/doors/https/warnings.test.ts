import { expect, it } from 'vitest';
import { addWarnings } from './warnings.ts';

const headersOf = (...warnings: string[]): string[] => {
  const headers: string[] = [];
  addWarnings(headers, warnings);
  return headers.filter((_, i) => i % 2 === 1);
};
it.each<readonly [warnings: string[], headers: string[]]>([
  [
    ['a', 'b', 'a', ''],
    ['299 - "a"', '299 - "b"'],
  ],
  [['say "x" \\ y'], ['299 - "say \\"x\\" \\\\ y"']],
  [['two\nlines', 'one'], ['299 - "one"']],
  [['\u00e4'], ['299 - "\u00c3\u00a4"']],
  [['x'.repeat(4096)], [`299 - "${'x'.repeat(4096)}"`]],
  [
    ['x'.repeat(4096), 'yy'],
    [`299 - "${'x'.repeat(256)}"`, '299 - "yy"'],
  ],
])('%j', (warnings, headers) => {
  expect(headersOf(...warnings)).toEqual(headers);
});
it('of many long ones the first are shown', () => {
  const many = Array.from({ length: 40 }, (_, i) => `${i}`.padEnd(300, 'x'));
  expect(headersOf(...many)).toHaveLength(16);
});
