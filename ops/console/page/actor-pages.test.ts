import { describe, expect, it } from 'vitest';
import type { ActorInfo, ActorPage, ActorQuery } from '../protocol.ts';
import { ActorPages, PAGE_SIZE } from './actor-pages.ts';

const info = (n: number): ActorInfo => ({
  component: 'c', id: 'i', actor: `a-${n}`, machine: 'm', states: ['s'],
  control: { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] },
}); // prettier-ignore
/** A server of so many actors, by offset. */
function server(initial: number) {
  let actors = Array.from({ length: initial }, (_, n) => info(n));
  const asked: ActorQuery[] = [];
  return {
    asked,
    set: (next: readonly ActorInfo[]) => (actors = [...next]),
    get actors() {
      return actors;
    },
    load: (query: ActorQuery): Promise<ActorPage> => {
      asked.push(query);
      const from = Number(query.continue ?? 0);
      const to = from + query.limit!;
      return Promise.resolve({
        actors: actors.slice(from, to),
        ...(to < actors.length ? { continue: String(to) } : {}),
      });
    },
  };
}

describe('pages of actors', () => {
  it('loads as far as somebody scrolls, to the end and not beyond', async () => {
    const s = server(250);
    const pages = new ActorPages(s.load, { machine: 'm' }, () => undefined);
    expect(pages.started).toBe(false);
    await pages.loadMore();
    expect(pages.actors).toHaveLength(PAGE_SIZE);
    await pages.loadMore();
    await pages.loadMore();
    expect(pages.actors.map((a) => a.actor)).toEqual(s.actors.map((a) => a.actor));
    expect(pages.more).toBe(false);
    await pages.loadMore();
    expect(s.asked.map((q) => q.continue)).toEqual([undefined, '100', '200']);
  });
  it('asks anew only for the pages that are looked at', async () => {
    const s = server(300);
    const pages = new ActorPages(s.load, { machine: 'm' }, () => undefined);
    for (let i = 0; i < 3; i++) await pages.loadMore();
    s.set(s.actors.map((a) => ({ ...a, states: ['t'] })));
    s.asked.length = 0;
    await pages.refresh(120, 140);
    expect(s.asked.map((q) => q.continue)).toEqual(['100']);
    expect(pages.actors.map((a) => a.states[0])).toEqual([...Array<string>(100).fill('s'), ...Array<string>(100).fill('t'), ...Array<string>(100).fill('s')]); // prettier-ignore
  });
  it('sees the first one come to an empty list', async () => {
    const s = server(0);
    const pages = new ActorPages(s.load, {}, () => undefined);
    await pages.loadMore();
    expect(pages.actors).toEqual([]);
    s.set([info(7)]);
    await pages.refresh(0, 10);
    expect(pages.actors).toEqual([info(7)]);
  });
  it('sees the last ones go while somebody looks below where the list ends now', async () => {
    const s = server(150);
    const pages = new ActorPages(s.load, {}, () => undefined);
    await pages.loadMore();
    await pages.loadMore();
    s.set(s.actors.slice(0, 20));
    await pages.refresh(0, 10);
    await pages.loadMore();
    expect(pages.actors).toHaveLength(20);
    expect(pages.more).toBe(false);
  });
  it('shows nobody twice when pages have shifted', async () => {
    const s = server(200);
    const pages = new ActorPages(s.load, {}, () => undefined);
    await pages.loadMore();
    s.set([info(1_000), ...s.actors]);
    await pages.loadMore();
    expect(new Set(pages.actors.map((a) => a.actor)).size).toBe(pages.actors.length);
  });
  it('says what went wrong, and comes back', async () => {
    let broken = true;
    const s = server(5);
    const load = (q: ActorQuery): Promise<ActorPage> => (broken ? Promise.reject(new Error('no')) : s.load(q));
    const pages = new ActorPages(load, {}, () => undefined);
    await pages.loadMore();
    expect(pages.problem).toBe('no');
    broken = false;
    await pages.loadMore();
    expect(pages.problem).toBeUndefined();
    expect(pages.actors).toHaveLength(5);
  });
  it('says nothing more once another search has taken its place', async () => {
    let changed = 0;
    const s = server(5);
    const pages = new ActorPages(s.load, {}, () => changed++);
    const loading = pages.loadMore();
    pages.close();
    await loading;
    expect(changed).toBe(0);
  });
});
