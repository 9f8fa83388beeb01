import { describe, expect, it } from 'vitest';
import type { ActorInfo, CountRow, ServerMessage, Step } from '../protocol.ts';
import { Flow, rateText } from './flow.ts';
import { pairsOf, strokeOf } from './pairs.ts';
import { readRoute, routeText, type Route } from './route.ts';
import { Store } from './store.ts';

const RUNNING = { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] } as const;
const actor = (name: string, id = 'k-1'): ActorInfo => ({
  component: 'kubelet', id, actor: name, machine: 'pod', states: ['arriving'], control: RUNNING,
}); // prettier-ignore
const step = (ts: number, to: string): Step => ({
  ts, event: 'e', payload: {}, from: [], to: [to], taken: true, actions: [], us: 1,
}); // prettier-ignore
const row = (state: string, count: number, id = 'k-1'): CountRow => ({
  component: 'kubelet',
  id,
  machine: 'pod',
  state,
  count,
});
const newStore = (): Store => new Store((flush) => flush());
const counts = (whole: boolean, ...rows: CountRow[]): ServerMessage => ({ type: 'counts', whole, rows });

describe('counts', () => {
  it('adds up replicas, replaces cells, forgets what was before the whole', () => {
    const store = newStore();
    store.hear(counts(true, row('a', 2), row('a', 3, 'k-2'), row('b', 1)));
    expect(Object.fromEntries(store.counts.get('pod')!)).toEqual({ a: 5, b: 1 });
    store.hear(counts(false, row('a', 0), row('b', 4)));
    expect(Object.fromEntries(store.counts.get('pod')!)).toEqual({ a: 3, b: 4 });
    store.hear(counts(true, row('c', 1)));
    expect(Object.fromEntries(store.counts.get('pod')!)).toEqual({ c: 1 });
  });
});

describe('following', () => {
  it('hears of the one who was picked, and of nobody picked before', () => {
    const store = newStore();
    store.follow(actor('old'));
    store.follow(actor('new'));
    store.hear({ type: 'steps', actor: actor('old'), steps: [step(1, 'x')], context: {}, invoked: [], skipped: 0 });
    expect(store.followed!.steps).toEqual([]);
    store.hear({
      type: 'steps',
      actor: actor('new'),
      steps: [step(1, 'x')],
      context: { n: 1 },
      invoked: ['i'],
      skipped: 2,
    });
    expect(store.followed).toMatchObject({ actor: { states: ['x'] }, detail: { context: { n: 1 } }, skipped: 2 });
  });
  it('keeps what one did who is over, goes on when it is back, and repeats nothing that is told again', () => {
    const store = newStore();
    const told = (...steps: Step[]): ServerMessage => ({ type: 'followed', actor: actor('a'), detail: { context: {}, invoked: [], steps } }); // prettier-ignore
    const times = (): number[] => store.followed!.steps.map((s) => s.ts);
    store.follow(actor('a'));
    store.hear(told(step(1, 'x'), step(2, 'y')));
    store.hear({ type: 'followed', actor: { ...actor('a'), machine: '', states: [] } });
    expect(store.followed).toMatchObject({ over: true, actor: { machine: 'pod' } });
    expect(times()).toEqual([1, 2]);
    store.hear(told(step(2, 'y'), step(5, 'z')));
    expect(store.followed!.over).toBe(false);
    expect(times()).toEqual([1, 2, 5]);
    expect(new Set(store.followed!.steps.map((s) => s.n)).size).toBe(3);
  });
  it('finds one by name in whatever replica it comes', () => {
    const store = newStore();
    store.follow(actor('a', 'k-1'), [actor('a', 'k-1'), actor('a', 'k-2')]);
    store.hear({
      type: 'followed',
      actor: { ...actor('a', 'k-2'), states: ['here'] },
      detail: { context: {}, invoked: [], steps: [] },
    });
    expect(store.followed!.actor).toMatchObject({ id: 'k-2', states: ['here'] });
    store.hear({ type: 'followed', actor: actor('a', 'k-1') });
    expect(store.followed).toMatchObject({ over: false, actor: { id: 'k-2' } });
  });
  it('keeps a bounded number of steps', () => {
    const store = newStore();
    store.follow(actor('a'));
    for (let i = 0; i < 50; i++)
      store.hear({ type: 'steps', actor: actor('a'), steps: Array.from({ length: 20 }, (_, j) => step(i * 20 + j, 's')), context: {}, invoked: [], skipped: 0 }); // prettier-ignore
    expect(store.followed!.steps).toHaveLength(300);
    expect(store.followed!.steps.at(-1)!.ts).toBe(999);
  });
  it('tells views once for all that came before a frame', () => {
    let flush = (): void => undefined;
    const store = new Store((f) => (flush = f));
    let told = 0;
    store.subscribe('counts', () => told++);
    store.hear(counts(true, row('a', 1)));
    store.hear(counts(false, row('a', 2)));
    expect(told).toBe(0);
    flush();
    expect(told).toBe(1);
  });
  it('lists what is held while it is', () => {
    const store = newStore();
    const told = (control: ActorInfo['control']): void =>
      store.hear({ type: 'control', actor: actor('a'), machine: 'pod', states: ['s'], control });
    store.follow(actor('a'));
    told({ ...RUNNING, mode: 'paused', reason: 'command' });
    expect(store.held.size).toBe(1);
    expect(store.followed!.actor).toMatchObject({ states: ['s'], control: { mode: 'paused' } });
    told({ ...RUNNING, breakpoints: [{ state: 's' }] });
    expect(store.held.size).toBe(1);
    told(RUNNING);
    expect(store.held.size).toBe(0);
  });
  it('does not mind what a newer server says', () => {
    expect(() => newStore().hear({ type: 'new' } as unknown as ServerMessage)).not.toThrow();
  });
});

describe('message flow', () => {
  const said = (count: number) => ({
    ms: 250,
    rows: [{ from: 'a', to: 'apiserver', kind: 'k', count, bytes: count * 10 }],
  });
  it('comes to the true rate, and to nothing when nothing is said', () => {
    const flow = new Flow();
    for (let i = 0; i < 100; i++) flow.add(said(5));
    expect(flow.rates()[0]!.rate).toBeCloseTo(20, 1);
    expect(flow.rates()[0]!.bytesRate).toBeCloseTo(200, 0);
    expect(flow.rates()[0]!.total).toBe(500);
    for (let i = 0; i < 200; i++) flow.add({ ms: 250, rows: [] });
    expect(flow.rates()[0]!.rate).toBe(0);
  });
  it('pairs both ways of two, whoever asks first, and leaves out what one says to itself', () => {
    const rate = (from: string, to: string, n: number) => ({ from, to, kind: 'k', rate: n, bytesRate: 0, total: 0 });
    expect(
      pairsOf([rate('apiserver', 'scheduler', 1), rate('scheduler', 'apiserver', 2), rate('etcd', 'apiserver', 3), rate('etcd', 'etcd', 9)]), // prettier-ignore
    ).toEqual([
      { a: 'apiserver', b: 'etcd', there: 0, back: 3 },
      { a: 'scheduler', b: 'apiserver', there: 2, back: 1 },
    ]);
  });
  it('draws more with a thicker line, within bounds', () => {
    const widths = [0, 1, 10, 1_000, 1e9].map(strokeOf);
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(widths.at(-1)).toBe(6);
  });
  it.each([[0, '0'], [0.44, '0.4'], [12.6, '13'], [1204.2, '1,204']])('says %d as %s', (rate, text) => expect(rateText(rate)).toBe(text)); // prettier-ignore
});

describe('addresses', () => {
  it.each<Route>([
    { view: 'messages' },
    { view: 'chart', machine: undefined, state: undefined },
    { view: 'chart', machine: 'pod', state: undefined },
    { view: 'chart', machine: 'a program/its machine', state: 'x.y' },
  ])('%j is read as it was written', (route) => expect(readRoute(routeText(route))).toEqual(route));
  it.each(['', '#', '#/', '#nonsense', '#/chart/%E0%A4%A'])('%j is some chart', (fragment) =>
    expect(readRoute(fragment).view).toBe('chart'),
  );
});
