import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { allocate } from './testing/allocate.ts';
import { situation } from './testing/situations.ts';
import { told } from './testing/told.ts';

/** Line by line what the allocator of dynamic-resource-allocation v0.36.3 made of the situations of seeds 1, 2, 3, ... */
const recorded = readFileSync(join(import.meta.dirname, 'testdata/allocations.golden.txt'), 'utf8')
  .trimEnd()
  .split('\n');

it('gives and refuses what the real allocator does, to the device and to the word', () => {
  expect(recorded).toHaveLength(1000);
  expect(recorded.map((_, i) => told(allocate(situation(i + 1))))).toEqual(recorded);
});
