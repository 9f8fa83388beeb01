import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import * as subjects from '../../bus/subjects.ts';
import { createInspection, stateText, type InspectionFrame } from './inspection.ts';
import { startActor } from './start-actor.ts';
import { testWorld } from './testing/world.ts';

const machine = setup({
  types: { events: {} as { type: 'go' } | { type: 'crash' } | { type: 'end' } },
  actions: {
    explode: () => {
      throw new Error('boom');
    },
  },
}).createMachine({
  id: 'light',
  initial: 'red',
  options: { maxIterations: 100 },
  states: {
    red: { on: { go: 'green', crash: { actions: 'explode' }, end: 'off' } },
    green: { on: { go: 'red', crash: { actions: 'explode' } } },
    off: { type: 'final' },
  },
});

describe('startActor', () => {
  it('brings a crashed actor back after a growing while', async () => {
    const world = testWorld();
    const errors: unknown[] = [];
    const actor = startActor(machine, { world, id: 'a', machine: 'light', onError: (error) => errors.push(error) });
    actor.send({ type: 'go' });
    expect(actor.state()).toBe('green');
    for (const ms of [100, 200, 400]) {
      actor.send({ type: 'crash' });
      await world.advance(ms - 1);
      actor.send({ type: 'go' });
      await world.advance(1);
      expect(actor.state()).toBe('red');
    }
    expect(errors).toHaveLength(3);
    expect(world.complaints.map((c) => c.message)).toEqual(['actor crashed', 'actor crashed', 'actor crashed']);
  });
  it('leaves it dead when told to', async () => {
    const world = testWorld();
    const actor = startActor(machine, { world, id: 'a', machine: 'light', restart: false });
    actor.send({ type: 'crash' });
    await actor.done;
    await world.advance(60_000);
    actor.send({ type: 'go' });
    expect(world.timers).toBe(0);
  });
  it('tells each state and the end', async () => {
    const states: string[] = [];
    let isDone = false;
    const actor = startActor(machine, { world: testWorld(), id: 'a', machine: 'light', onState: (s) => states.push(s), onDone: () => (isDone = true) }); // prettier-ignore
    for (const type of ['go', 'go', 'end'] as const) actor.send({ type });
    await actor.done;
    expect(states).toEqual(['red', 'green', 'red', 'off']);
    expect(isDone).toBe(true);
  });
});

it('writes states as paths', () => {
  expect(stateText({ syncing: 'dirty' })).toBe('syncing.dirty');
  expect(stateText({ a: { b: 'c' }, d: 'e' })).toBe('a.b.c+d.e');
});

describe('inspection', () => {
  function setUp() {
    const simulation = simulate(1);
    const hub = createMemoryHub({ simulation });
    const world = simulation.world('w');
    const bus = hub.connect('scheduler', { world });
    const console_ = hub.connect('console', { world: simulation.world('c') });
    const inspection = createInspection({ world, bus, component: 'scheduler', id: '1' });
    const frames: InspectionFrame[] = [];
    console_.subscribe(subjects.inspectAll, (m) => void frames.push(...(m.body as InspectionFrame[])));
    const ask = (): void => console_.publish(subjects.control('scheduler', '1'), { type: 'inspect', forMs: 2_000 });
    return { simulation, world, inspection, frames, ask };
  }
  it('is silent and attaches nothing while nobody asks', async () => {
    const { simulation, world, inspection, frames } = setUp();
    const actor = startActor(machine, { world, id: 'a', machine: 'light', inspection });
    for (let i = 0; i < 10; i++) actor.send({ type: 'go' });
    await simulation.advance(5_000);
    expect(frames).toEqual([]);
    expect([...inspection.actors()].map((a) => a.id)).toEqual(['a']);
  });
  it('tells who asks what is, then what happens, until the asking ends', async () => {
    const { simulation, world, inspection, frames, ask } = setUp();
    const actor = startActor(machine, { world, id: 'a', machine: 'light', inspection });
    ask();
    await simulation.advance(100);
    actor.send({ type: 'go' });
    const late = startActor(machine, { world, id: 'b', machine: 'light', inspection });
    await simulation.advance(100);
    expect(frames.map((f) => [f.actorId, f.value, f.event])).toEqual([
      ['a', 'red', 'present'],
      ['a', 'green', 'go'],
      ['b', 'red', 'xstate.init'],
    ]);
    expect(frames[1]).toMatchObject({ machine: 'light', ts: expect.any(Number) });
    await simulation.advance(5_000);
    late.send({ type: 'go' });
    await simulation.advance(100);
    expect(frames).toHaveLength(3);
  });
  it('follows an actor over its restart and forgets it when it stops', async () => {
    const { simulation, world, inspection, frames, ask } = setUp();
    const actor = startActor(machine, { world, id: 'a', machine: 'light', inspection });
    ask();
    await simulation.advance(100);
    actor.send({ type: 'crash' });
    await simulation.advance(500);
    actor.send({ type: 'go' });
    await simulation.advance(100);
    expect(frames.at(-1)).toMatchObject({ actorId: 'a', value: 'green' });
    actor.stop();
    expect([...inspection.actors()]).toEqual([]);
  });
});
