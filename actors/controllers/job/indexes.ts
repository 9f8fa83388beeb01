import type { Pod } from '../../../schemas/generated/core-v1.ts';

/** Completion indexes of an Indexed Job, as intervals in order that neither touch nor overlap: `1-3,7`. */
export interface Interval {
  readonly first: number;
  readonly last: number;
}
export type Indexes = readonly Interval[];
export const NO_INDEXES: Indexes = [];

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';

/** The completion index of a pod; undefined when it has none, or one that is no index. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined;
}
/** The same, if the Job has room for it. */
export function validIndexOf(pod: Pod, completions: number): number | undefined {
  const index = indexOf(pod);
  return index !== undefined && index < completions ? index : undefined;
}
export function indexSet(pods: readonly Pod[]): ReadonlySet<number> {
  const found = new Set<number>();
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index !== undefined) found.add(index);
  }
  return found;
}

export function merge(a: Indexes, b: Indexes): Indexes {
  if (b.length === 0) return a;
  const all = [...a, ...b].toSorted((x, y) => x.first - y.first);
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of all) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1) merged.push({ first, last });
    else if (last > before.last) before.last = last;
  }
  return merged;
}
export const withIndexes = (indexes: Indexes, more: Iterable<number>): Indexes =>
  merge(
    indexes,
    Array.from(more, (index) => ({ first: index, last: index })),
  );

export const countOf = (indexes: Indexes): number =>
  indexes.reduce((sum, { first, last }) => sum + last - first + 1, 0);
export const hasIndex = (indexes: Indexes, index: number): boolean =>
  indexes.some(({ first, last }) => first <= index && index <= last);

/** As the status shows them: two neighbours are two numbers, more a range. */
export const formatIndexes = (indexes: Indexes): string =>
  indexes
    .map(({ first, last }) => (first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`))
    .join(',');

/** What is unreadable is left out, and what the Job has no room for. Source: pkg/controller/job parseIndexesFromString. */
export function parseIndexes(text: string | undefined, completions: number): Indexes {
  const read: { first: number; last: number }[] = [];
  for (const part of text ? text.split(',') : []) {
    const [from = '', to = from] = part.split('-');
    if (!/^\+?\d+$/.test(from) || !/^\+?\d+$/.test(to)) continue;
    const first = Number(from);
    if (first >= completions) break;
    const last = Math.min(Number(to), completions - 1);
    const before = read.at(-1);
    if (before?.last === first - 1) before.last = last;
    else read.push({ first, last });
  }
  return read;
}

/** The lowest indexes, `count` at most, that are in none of `taken`. */
export function firstPending(taken: Indexes, count: number, completions: number): readonly number[] {
  const found: number[] = [];
  let candidate = 0;
  for (const { first, last } of [...taken, { first: completions, last: completions }]) {
    for (; candidate < Math.min(first, completions) && found.length < count; candidate++) found.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  return found;
}
/** How many indexes are in both. */
export function overlapOf(a: Indexes, b: Indexes): number {
  let count = 0;
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const [x, y] = [a[i]!, b[j]!];
    count += Math.max(0, Math.min(x.last, y.last) - Math.max(x.first, y.first) + 1);
    if (x.last <= y.last) i++;
    if (y.last <= x.last) j++;
  }
  return count;
}
