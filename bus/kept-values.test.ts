import { expect, it } from 'vitest';
import { keepCopy, keepOnce } from './kept-values.ts';

const view = (...bytes: number[]): Uint8Array => new Uint8Array([0, ...bytes, 0]).subarray(1, bytes.length + 1);

it('keeps of a view its own bytes alone', () => {
  for (const keep of [keepCopy, keepOnce()]) {
    const kept = keep(1, view(1, 2));
    expect([...kept]).toEqual([1, 2]);
    expect(kept.buffer.byteLength).toBe(2);
  }
});
it('gives the two who hear of a revision the same bytes, in whatever order they hear of it', () => {
  const keep = keepOnce();
  const first = [1, 2, 3].map((revision) => keep(revision, view(revision)));
  const second = [3, 1, 2].map((revision) => keep(revision, view(revision)));
  expect([second[1], second[2], second[0]].map((bytes, i) => bytes === first[i])).toEqual([true, true, true]);
});
it('forgets what the other does not come for', () => {
  const keep = keepOnce();
  const first = Array.from({ length: 1000 }, (_, i) => keep(i, view(i % 256)));
  expect(keep(999, view(999 % 256))).toBe(first[999]);
  expect(keep(0, view(0))).not.toBe(first[0]);
});
it('does not take one history for another, which counts from the beginning', () => {
  const keep = keepOnce();
  keep(1, view(1));
  expect([...keep(1, view(2))]).toEqual([2]);
});
