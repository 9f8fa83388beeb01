import { expect, it, vi } from 'vitest';
import { ended } from './ending.ts';

const told: string[] = [];
const tell = (problem: string): void => void told.push(problem);

it.each<[string, () => Promise<unknown> | undefined, readonly string[]]>([
  ['has ended', () => Promise.resolve('x'), []],
  ['was never there', () => undefined, []],
  ['fails', () => Promise.reject(new Error('no disk')), ['etcd did not end well: no disk']],
  [
    'fails at once',
    () => {
      throw new Error('no disk');
    },
    ['etcd did not end well: no disk'],
  ],
  [
    'hangs',
    () => new Promise(() => undefined),
    ['etcd takes long to end: waiting for it, 11 s at most', 'etcd has not ended within 11 s'],
  ],
  [
    'takes its time',
    () => new Promise((resolve) => setTimeout(resolve, 6_001)),
    ['etcd takes long to end: waiting for it, 11 s at most'],
  ],
])('goes on where a part %s, and says what was wrong', async (_, step, problems) => {
  vi.useFakeTimers();
  try {
    told.length = 0;
    const over = ended('etcd', 11_000, step, tell);
    await vi.advanceTimersByTimeAsync(11_000);
    await over;
    expect(told).toEqual(problems);
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
