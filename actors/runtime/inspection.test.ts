import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, fromPromise, setup } from 'xstate';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import * as subjects from '../../bus/subjects.ts';
import type { Ack, ActorList, ControlState, InspectionFrame } from './inspection-frames.ts';
import { MAX_QUEUED } from './inspection-gate.ts';
import { summaryOf } from './inspection-summary.ts';
import { createInspection } from './inspection.ts';
import { startActor } from './start-actor.ts';

type Event =
  { type: 'go'; n?: number } | { type: 'note'; n: number } | { type: 'fetch' } | { type: 'wait' } | { type: 'stop' };
const fetched = Promise.withResolvers<number>();
const machine = setup({
  types: { events: {} as Event, context: {} as { noted: number[]; name: string } },
  actors: { fetch: fromPromise<number>(() => fetched.promise) },
  actions: {
    hail: () => undefined,
    note: assign({ noted: ({ context, event }) => [...context.noted, (event as { n: number }).n] }),
  },
  delays: { patience: 500 },
}).createMachine({
  id: 'light',
  context: { noted: [], name: 'web' },
  initial: 'red',
  options: { maxIterations: 100 },
  on: { note: { actions: 'note' }, stop: { target: '.off' } },
  states: {
    red: { on: { go: { target: 'green', actions: 'hail' }, fetch: 'fetching', wait: 'waiting' } },
    green: { initial: 'bright', states: { bright: { on: { go: 'dim' } }, dim: {} }, on: { wait: 'red' } },
    fetching: { invoke: { id: 'fetch', src: 'fetch', onDone: 'green', onError: 'red' } },
    waiting: { after: { patience: 'red' } },
    off: { type: 'final' },
  },
});

function setUp() {
  const simulation = simulate(1);
  const hub = createMemoryHub({ simulation });
  const world = simulation.world('w');
  const bus = hub.connect('scheduler', { world });
  const console_ = hub.connect('console', { world: simulation.world('c') });
  const inspection = createInspection({ world, bus, component: 'scheduler', id: '1' });
  const frames: InspectionFrame[] = [];
  console_.subscribe(subjects.inspectAll, (m) => void frames.push(m.body as InspectionFrame));
  const say = (body: unknown): void => console_.publish(subjects.control('scheduler', '1'), body);
  const attach = async (more: object = {}): Promise<void> => {
    say({ type: 'attach', forMs: 2_000, ...more });
    await simulation.advance(10);
  };
  let last = 0;
  const ask = async (body: object): Promise<Ack> => {
    const request = `r${++last}`;
    say({ request, ...body });
    await simulation.advance(10);
    return frames.flatMap((f) => f.acks ?? []).find((a) => a.request === request)!;
  };
  const control = async (body: object): Promise<ControlState> => (await ask(body)).result as ControlState;
  const start = (id: string, more: object = {}) =>
    startActor(machine, { world, id, machine: 'light', inspection, ...more });
  /** All counts told since `from`, the last of each. */
  const counts = (from = 0): Record<string, number> =>
    Object.fromEntries(
      frames
        .slice(from)
        .flatMap((f) => f.counts ?? [])
        .map(([m, s, n]) => [`${m} ${s}`, n]),
    );
  const tick = (ms = 300) => simulation.advance(ms);
  return { simulation, world, inspection, bus, frames, say, attach, ask, control, start, counts, tick };
}

describe('counts', () => {
  it('says nothing and touches no actor while nobody asks', async () => {
    const { start, frames, tick, inspection } = setUp();
    const actor = start('a');
    for (let i = 0; i < 10; i++) actor.send({ type: 'go' });
    await tick(5_000);
    expect(frames).toEqual([]);
    expect([...inspection.actors()].map((a) => a.id)).toEqual(['a']);
    expect(Object.hasOwn([...inspection.actors()][0]!.ref() as object, 'logic')).toBe(true);
    expect(([...inspection.actors()][0]!.ref() as unknown as { logic: unknown }).logic).toBe(machine);
  });
  it('tells a newcomer all, then what changes, until the asking ends', async () => {
    const { start, frames, counts, attach, tick } = setUp();
    const actors = ['a', 'b', 'c'].map((id) => start(id));
    await attach();
    expect(frames[0]).toMatchObject({ seq: 1, whole: true, counts: [['light', 'red', 3]], role: 'scheduler' });
    actors[0]!.send({ type: 'go' });
    start('d');
    actors[2]!.stop();
    await tick();
    expect(counts(1)).toEqual({ 'light red': 2, 'light green.bright': 1 });
    expect(frames[1]!.handled).toEqual([['light', 'red', 'go', 1]]);
    await tick(5_000);
    const told = frames.length;
    actors[0]!.send({ type: 'go' });
    await tick(5_000);
    expect(frames).toHaveLength(told);
    await attach();
    expect(counts(told)).toEqual({ 'light red': 2, 'light green.dim': 1 });
  });
  it('stays right whatever actors do', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.constantFrom('go', 'wait', 'stop', 'end')), { maxLength: 60 }),
        async (acts) => {
          const { start, counts, attach, tick } = setUp();
          await attach({ forMs: 60_000 });
          const actors = Array.from({ length: 6 }, (_, i) => start(`a${i}`));
          const live = new Set(actors);
          for (const [i, act] of acts) {
            if (!live.has(actors[i]!)) continue;
            if (act === 'end') actors[i]!.stop();
            else actors[i]!.send({ type: act as 'go' });
            if (act === 'end' || act === 'stop') live.delete(actors[i]!);
          }
          await tick();
          const expected: Record<string, number> = {};
          for (const actor of live) expected[`light ${actor.state()}`] = (expected[`light ${actor.state()}`] ?? 0) + 1;
          expect(Object.fromEntries(Object.entries(counts()).filter(([, n]) => n !== 0))).toEqual(expected);
        },
      ),
      { numRuns: 50 },
    );
  });
  it('sends a frame four times a second at most, however many actors move', async () => {
    const { start, frames, attach, simulation } = setUp();
    const actors = Array.from({ length: 500 }, (_, i) => start(`a${i}`));
    await attach();
    const before = frames.length;
    for (let ms = 0; ms < 1_000; ms += 10) {
      for (const actor of actors) actor.send({ type: ms % 20 === 0 ? 'go' : 'wait' });
      await simulation.advance(10);
    }
    expect(frames.length - before).toBeLessThanOrEqual(5);
    expect(Math.max(...frames.map((f) => JSON.stringify(f).length))).toBeLessThan(2_000);
  });
  it('tells what goes over the bus, by sender, receiver and kind', async () => {
    const { attach, bus, frames, tick } = setUp();
    await attach();
    bus.publish(subjects.api({ caller: 'controller:replicaset', verb: 'create', group: '', version: 'v1', resource: 'pods', namespace: 'default', name: '' }), {}); // prettier-ignore
    bus.publish(subjects.api({ caller: 'node:worker-1', verb: 'update', group: 'apps', version: 'v1', resource: 'pods/status', namespace: 'a', name: 'b' }), {}); // prettier-ignore
    await tick();
    const rows = frames.flatMap((f) => f.traffic ?? []).filter((r) => r.kind.startsWith('api'));
    expect(rows.map((r) => `${r.from} ${r.to} ${r.kind} ${r.count}`)).toEqual([
      'controller:replicaset apiserver api create pods 1',
      'kubelet apiserver api update pods/status 1',
    ]);
  });
});

describe('listing', () => {
  it('pages through actors, by chart, state and name', async () => {
    const { start, attach, ask } = setUp();
    const actors = Array.from({ length: 25 }, (_, i) => start(`pod/default/web-${i}`));
    for (const actor of actors.slice(0, 8)) actor.send({ type: 'go' });
    await attach();
    const seen: string[] = [];
    let after: number | undefined;
    do {
      const { result } = await ask({ type: 'list', limit: 10, ...(after !== undefined && { after }) });
      const page = result as ActorList;
      seen.push(...page.actors.map((a) => a.actor));
      after = page.after;
    } while (after !== undefined);
    expect(seen).toEqual(actors.map((a) => a.id));
    const among = async (filter: object) =>
      ((await ask({ type: 'list', ...filter })).result as ActorList).actors.length;
    expect(await among({ state: 'green' })).toBe(8);
    expect(await among({ state: 'green.bright' })).toBe(8);
    expect(await among({ state: 'green.dim' })).toBe(0);
    expect(await among({ text: 'WEB-2' })).toBe(6);
    expect(await among({ machine: 'pod' })).toBe(0);
    expect(await among({ held: true })).toBe(0);
  });
  it('tells apart actors that bear the same name', async () => {
    const { start, attach, ask } = setUp();
    const [first] = [start('watch/pods'), start('watch/pods')];
    await attach();
    first.stop();
    start('watch/pods');
    const names = ((await ask({ type: 'list' })).result as ActorList).actors.map((a) => a.actor);
    expect(new Set(names).size).toBe(2);
  });
});

describe('following', () => {
  it('tells each step of the one followed, with what came and what was done, and of nobody else', async () => {
    const { start, attach, frames, tick } = setUp();
    const [a, b] = [start('a'), start('b')];
    await attach({ follow: ['a'] });
    a.send({ type: 'note', n: 7 });
    a.send({ type: 'go' });
    a.send({ type: 'fetch' });
    b.send({ type: 'go' });
    await tick();
    const news = frames.flatMap((f) => f.followed ?? []);
    expect(news.map((n) => [n.actor, n.news])).toEqual([['a', 'begun'], ['a', 'steps']]); // prettier-ignore
    expect(news[1]).toMatchObject({
      states: ['green.bright'],
      detail: { context: { noted: 'list(1)', name: 'web' }, invoked: [] },
      skipped: 0,
      steps: [
        { event: 'note', payload: { n: 7 }, from: ['red'], to: ['red'], taken: true, actions: [] },
        { event: 'go', payload: {}, from: ['red'], to: ['green.bright'], taken: true, actions: ['hail'] },
        { event: 'fetch', from: ['green.bright'], to: ['green.bright'], taken: false },
      ],
    });
    a.send({ type: 'stop' });
    await tick();
    expect(frames.flatMap((f) => f.followed ?? []).at(-1)).toMatchObject({ actor: 'a', news: 'ended' });
  });
  it('takes up one that comes later, or comes back', async () => {
    const { start, attach, control, frames, tick } = setUp();
    await attach({ follow: ['late'] });
    const late = start('late');
    await control({ type: 'crash', actor: 'late' });
    await tick();
    late.send({ type: 'go' });
    await tick();
    expect(frames.flatMap((f) => f.followed ?? []).map((n) => n.news)).toEqual(['ended', 'begun', 'begun', 'steps']);
  });
});

describe('control', () => {
  it('holds events in order, steps through them, and resumes', async () => {
    const { start, attach, control, ask } = setUp();
    const a = start('a');
    await attach();
    expect(await control({ type: 'pause', actor: 'a' })).toMatchObject({ mode: 'paused', reason: 'command' });
    expect((await ask({ type: 'step', actor: 'a' })).status).toMatchObject({ reason: 'Conflict' });
    for (const n of [1, 2, 3, 4]) a.send({ type: 'note', n });
    expect(a.snapshot().context.noted).toEqual([]);
    expect(await control({ type: 'step', actor: 'a' })).toMatchObject({
      queuedCount: 3,
      queued: ['note', 'note', 'note'],
    });
    expect(a.snapshot().context.noted).toEqual([1]);
    expect(await control({ type: 'resume', actor: 'a' })).toMatchObject({ mode: 'running', queuedCount: 0 });
    a.send({ type: 'note', n: 5 });
    expect(a.snapshot().context.noted).toEqual([1, 2, 3, 4, 5]);
  });
  it('lets outcomes of promises and timers wait with the rest', async () => {
    const { start, attach, control, tick } = setUp();
    const [a, b] = [start('a'), start('b')];
    await attach({ forMs: 60_000 });
    a.send({ type: 'fetch' });
    b.send({ type: 'wait' });
    for (const actor of ['a', 'b']) await control({ type: 'pause', actor });
    fetched.resolve(1);
    await tick(1_000);
    expect([a.state(), b.state()]).toEqual(['fetching', 'waiting']);
    for (const actor of ['a', 'b']) await control({ type: 'resume', actor });
    expect([a.state(), b.state()]).toEqual(['green.bright', 'red']);
  });
  it('stops at a state, and before an event, of that actor alone', async () => {
    const { start, attach, control, frames, tick } = setUp();
    const [a, b] = [start('a'), start('b')];
    await attach({ forMs: 60_000 });
    await control({ type: 'break', actor: 'a', on: { state: 'green' } });
    await control({ type: 'break', actor: 'a', on: { event: 'wait' } });
    for (const actor of [a, b]) for (const type of ['go', 'go', 'wait'] as const) actor.send({ type });
    expect([a.state(), b.state()]).toEqual(['green.bright', 'red']);
    await tick();
    expect(frames.flatMap((f) => f.controls ?? []).at(-1)).toMatchObject({
      actor: 'a',
      control: { mode: 'paused', reason: 'breakpoint: state green', queued: ['go', 'wait'] },
    });
    expect(await control({ type: 'resume', actor: 'a' })).toMatchObject({ mode: 'paused', reason: 'breakpoint: event wait', queuedCount: 1 }); // prettier-ignore
    expect(a.state()).toBe('green.dim');
    await control({ type: 'unbreak', actor: 'a', on: { event: 'wait' } });
    expect(await control({ type: 'resume', actor: 'a' })).toMatchObject({ mode: 'running', queuedCount: 0 });
    expect(a.state()).toBe('red');
  });
  it('crashes an actor, which supervision brings back with its breakpoints', async () => {
    const { start, attach, control, tick } = setUp();
    const a = start('a');
    await attach({ forMs: 60_000 });
    await control({ type: 'break', actor: 'a', on: { state: 'green' } });
    await control({ type: 'pause', actor: 'a' });
    a.send({ type: 'go' });
    expect(await control({ type: 'crash', actor: 'a' })).toMatchObject({ mode: 'resting', queuedCount: 0 });
    await tick(500);
    expect(a.state()).toBe('red');
    a.send({ type: 'go' });
    expect(a.state()).toBe('green.bright');
    a.send({ type: 'go' });
    expect(a.state()).toBe('green.bright');
  });
  it('releases everyone when the console is not heard any more', async () => {
    const { start, attach, control, tick, say } = setUp();
    const a = start('a');
    await attach();
    await control({ type: 'pause', actor: 'a' });
    a.send({ type: 'go' });
    await tick(1_500);
    say({ type: 'attach', forMs: 2_000 });
    await tick(1_500);
    expect(a.state()).toBe('red');
    await tick(1_500);
    expect(a.state()).toBe('green.bright');
    await attach();
    expect(await control({ type: 'resume', actor: 'a' })).toMatchObject({ mode: 'running' });
  });
  it('releases everyone when the last console says that it leaves', async () => {
    const { start, attach, control, say, tick } = setUp();
    const a = start('a');
    for (const from of ['one', 'two']) await attach({ forMs: 60_000, from });
    await control({ type: 'pause', actor: 'a' });
    a.send({ type: 'go' });
    say({ type: 'detach', from: 'one' });
    await tick(10);
    expect(a.state()).toBe('red');
    say({ type: 'detach', from: 'two' });
    await tick(10);
    expect(a.state()).toBe('green.bright');
  });
  it('does not hold up a shutdown, nor more events than it can keep', async () => {
    const { start, attach, control, simulation } = setUp();
    const [a, b] = [start('a'), start('b')];
    await attach({ forMs: 60_000 });
    for (const actor of ['a', 'b']) await control({ type: 'pause', actor });
    a.send({ type: 'note', n: 1 });
    a.send({ type: 'stop' });
    await a.done;
    expect(a.snapshot().context.noted).toEqual([1]);
    const all = Array.from({ length: MAX_QUEUED + 5 }, (_, n) => n);
    for (const n of all) b.send({ type: 'note', n });
    await simulation.advance(1);
    expect(b.snapshot().context.noted).toEqual(all);
  });
  it('resumes when the component closes', async () => {
    const { start, attach, control, inspection } = setUp();
    const a = start('a');
    await attach();
    await control({ type: 'pause', actor: 'a' });
    a.send({ type: 'go' });
    inspection.close();
    expect(a.state()).toBe('green.bright');
  });
  it('keeps the order in which events came, however it is paused, stepped and resumed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('send', 'pause', 'step', 'resume'), { maxLength: 40 }),
        async (acts) => {
          const { start, attach, ask } = setUp();
          const a = start('a');
          await attach({ forMs: 60_000 });
          let n = 0;
          for (const act of acts) {
            if (act === 'send') a.send({ type: 'note', n: n++ });
            else await ask({ type: act, actor: 'a' });
          }
          await ask({ type: 'resume', actor: 'a' });
          expect(a.snapshot().context.noted).toEqual(Array.from({ length: n }, (_, i) => i));
        },
      ),
      { numRuns: 50 },
    );
  });
  it.each([
    ['an actor that is not there', { type: 'pause', actor: 'zz' }, 'NotFound'],
    ['a command that does not exist', { type: 'explode', actor: 'a' }, 'BadRequest'],
    ['a command for nobody', { type: 'pause' }, 'BadRequest'],
    ['a breakpoint on nothing', { type: 'break', actor: 'a', on: {} }, 'BadRequest'],
    ['a breakpoint on two things', { type: 'break', actor: 'a', on: { state: 'x', event: 'y' } }, 'BadRequest'],
    ['stepping one that runs', { type: 'step', actor: 'a' }, 'Conflict'],
  ])('refuses %s', async (_what, body, reason) => {
    const { start, attach, ask } = setUp();
    start('a');
    await attach();
    expect((await ask(body)).status).toMatchObject({ kind: 'Status', reason });
  });
  it('refuses commands of one who is not attached, and shrugs at what is no request', async () => {
    const { start, ask, say, frames, tick } = setUp();
    start('a');
    expect((await ask({ type: 'pause', actor: 'a' })).status).toMatchObject({ reason: 'Conflict' });
    const before = frames.length;
    for (const body of [null, 1, 'x', [], {}, { type: 'pause' }, { request: 5 }]) say(body);
    await tick();
    expect(frames).toHaveLength(before);
  });
});

describe('a summary', () => {
  it('shows names and numbers, and only kind and size of the rest', () => {
    expect(
      summaryOf({
        type: 'pod.bound', key: 'default/web', failures: 3, resumed: false, nothing: null, data: { password: 'x' }, token: 'eyJhbGciOi', list: [1, 2], bytes: new Uint8Array(5), error: new TypeError('secret'), fn: () => 1, uid: 'b6c2-1', name: 'Not A Name!',
      }), // prettier-ignore
    ).toEqual({
      key: 'default/web', failures: 3, resumed: false, nothing: null, data: 'object(1 fields)', token: 'string(10)', list: 'list(2)', bytes: 'bytes(5)', error: 'error(TypeError)', fn: 'function', uid: 'b6c2-1', name: 'string(11)',
    }); // prettier-ignore
  });
  it('never lets a secret through, wherever it stands', () => {
    const secret = 'S3cr3t-Value_0123456789abcdef';
    const holder = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.constant(secret),
        fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
        fc.array(tie('value'), { maxLength: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(
        fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('key', 'name', 'data', 'token')), holder),
        (event) => {
          expect(JSON.stringify(summaryOf(event))).not.toContain(secret);
        },
      ),
    );
  });
});
