import { describe, expect, it } from 'vitest';
import { Index } from '../index.ts';
import type { Store } from '../store.ts';
import { bytes, text } from '../testing/rig.ts';
import type { Message } from './messages.ts';
import { Watches } from './watch.ts';

/** A store that does as it is told, one stream of watches on it, and what that was sent. */
function rig() {
  const index = new Index();
  const followers = new Set<(version?: unknown) => void>();
  const timers: (() => void)[] = [];
  const cleared: number[] = [];
  const clock = { setTimeout: (run: () => void) => timers.push(run), clearTimeout: (at: number) => void cleared.push(at) }; // prettier-ignore
  const store = { index, followers, fresh: async () => undefined, options: { world: { clock } } } as unknown as Store;
  const sent: Message[] = [];
  const failures: unknown[] = [];
  const ways = { full: false, drain: (): void => undefined };
  const stream = {
    send: (response: Message) => (sent.push(response), !ways.full),
    drained: () => new Promise<void>((resolve) => (ways.drain = resolve)),
    fail: (error: unknown) => void failures.push(error),
  };
  const watches = new Watches(store, stream, () => ({ revision: index.revision }));
  const put = (key: string, value: string | undefined = 'x'): void => {
    const version = index.apply({ revision: index.revision + 1, previous: 0, key, value: value === undefined ? undefined : bytes(value), time: 1, headers: {}, id: '' }); // prettier-ignore
    for (const follow of followers) follow(version);
  };
  const create = (key: string, more: Message = {}): Promise<void> =>
    watches.request({
      create_request: { key: bytes(key), range_end: bytes(''), start_revision: 0, filters: new Uint8Array(0), watch_id: 0, ...more },
    }); // prettier-ignore
  const told = (id: number): string[] =>
    sent
      .filter((response) => response['watch_id'] === id)
      .flatMap((response) => (response['events'] ?? []) as Message[])
      .map(({ kv }) => text((kv as Message)['key'] as Uint8Array)!);
  return { index, watches, sent, failures, ways, put, create, told, timers, cleared, followers };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the watches of one stream', () => {
  it('a thousand of them are told of their own keys alone, each once', async () => {
    const { create, put, told, sent } = rig();
    for (let i = 0; i < 1_000; i++) await create(`k/${i}`);
    for (let i = 0; i < 1_000; i++) put(`k/${i}`);
    for (let i = 0; i < 10; i++) put('elsewhere');
    put('k/7');
    await turn();
    expect(told(7)).toEqual(['k/7', 'k/7']);
    expect(told(999)).toEqual(['k/999']);
    expect(sent).toHaveLength(1_000 + 1_000);
  });
  it('begin at a revision to come where one is named, and not before', async () => {
    const { create, put, told } = rig();
    put('a');
    await create('a', { start_revision: 4 });
    for (let i = 0; i < 4; i++) put('a');
    await turn();
    expect(told(0)).toEqual(['a', 'a']);
  });
  it('wait for a slow reader, who then has all, in order', async () => {
    const { create, put, ways, sent, told } = rig();
    await create('p/', { range_end: bytes('p0') });
    ways.full = true;
    put('p/0');
    await turn();
    const before = sent.length;
    for (let i = 1; i < 2_500; i++) put(`p/${i}`);
    await turn();
    expect(sent).toHaveLength(before);
    ways.full = false;
    ways.drain();
    await turn();
    expect(told(0)).toEqual(Array.from({ length: 2_500 }, (_, i) => `p/${i}`));
    expect(Math.max(...sent.map((response) => ((response['events'] ?? []) as []).length))).toBeLessThanOrEqual(1_000);
  });
  it('are told that what they missed is gone, if it went while they were slow', async () => {
    const { create, put, index, ways, sent } = rig();
    await create('p/', { range_end: bytes('p0') });
    ways.full = true;
    put('p/0');
    await turn();
    for (let i = 0; i < 5; i++) put('p/1');
    index.raise(4, 0);
    ways.drain();
    await turn();
    expect(sent.at(-1)).toMatchObject({ canceled: true, compact_revision: 4 });
  });
  it('are told from time to time how far they are, those who asked and heard nothing', async () => {
    const { create, put, timers, cleared, sent, watches } = rig();
    await create('a', { progress_notify: true });
    await create('b', { progress_notify: true });
    await create('c');
    const tick = (): Message[] => {
      const before = sent.length;
      timers.at(-1)!();
      return sent.slice(before);
    };
    expect(tick()).toEqual([]);
    put('a');
    await turn();
    expect(tick()).toEqual([{ header: { revision: 1 }, watch_id: 1 }]);
    expect(tick()).toHaveLength(2);
    watches.close();
    expect(cleared).toEqual([timers.length]);
  });
  it('that are made while the stream closes leave nothing behind', async () => {
    const { create, watches, timers, followers } = rig();
    const made = create('a', { progress_notify: true });
    watches.close();
    await made;
    expect([timers.length, followers.size]).toEqual([0, 0]);
  });
});
