import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { watchFolders } from './folder-watch.ts';

let at: string;
let folder: string;
const onGone = vi.fn();
let stop: () => void;
beforeEach(() => {
  vi.useFakeTimers();
  onGone.mockClear();
  at = mkdtempSync(join(tmpdir(), 'kubus-watched-'));
  folder = join(at, 'node');
  mkdirSync(join(folder, 'kubelet'), { recursive: true });
  stop = watchFolders([folder, join(folder, 'kubelet')], onGone);
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  rmSync(at, { recursive: true });
});

it.each<[what: string, spoil: () => void, gone: () => string]>([
  ['is removed', () => rmSync(folder, { recursive: true }), () => folder],
  ['is replaced', () => (renameSync(folder, `${folder}-old`), mkdirSync(join(folder, 'kubelet'), { recursive: true })), () => folder],
  ['is a file now', () => (rmSync(folder, { recursive: true }), writeFileSync(folder, '')), () => folder],
  ['has lost one of its own', () => rmSync(join(folder, 'kubelet'), { recursive: true }), () => join(folder, 'kubelet')],
])('a folder that %s is told of, once', (_, spoil, gone) => {
  vi.advanceTimersByTime(60_000);
  spoil();
  vi.advanceTimersByTime(60_000);
  expect(onGone.mock.calls).toEqual([[gone()]]);
}); // prettier-ignore
it('what is in it may change, and nobody is told who has left off', () => {
  writeFileSync(join(folder, 'x'), '');
  vi.advanceTimersByTime(60_000);
  stop();
  rmSync(folder, { recursive: true });
  vi.advanceTimersByTime(60_000);
  expect(onGone).not.toHaveBeenCalled();
});
