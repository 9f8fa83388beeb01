import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { stateText } from './inspection.ts';
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
/** Fails to end for so many times. */
const ending = (failures: number) =>
  setup({
    types: { events: {} as { type: 'crash' } | { type: 'stop' } },
    actions: {
      explode: () => {
        throw new Error('boom');
      },
      fail: () => {
        if (failures-- > 0) throw new Error('not yet');
      },
    },
  }).createMachine({
    id: 'ending',
    initial: 'on',
    options: { maxIterations: 100 },
    states: {
      on: { on: { crash: { actions: 'explode' }, stop: { target: 'off', actions: 'fail' } } },
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
  it('that is told to stop while it is down comes back to end, at once', async () => {
    const world = testWorld();
    let isDone = false;
    const actor = startActor(ending(0), { world, id: 'a', machine: 'light', onDone: () => (isDone = true) });
    actor.send({ type: 'crash' });
    actor.send({ type: 'stop' });
    await actor.done;
    expect(isDone).toBe(true);
    await world.advance(60_000);
    expect(world.timers).toBe(0);
  });
  it('that crashes while it stops is told again', async () => {
    const world = testWorld();
    let isDone = false;
    const actor = startActor(ending(2), { world, id: 'a', machine: 'light', onDone: () => (isDone = true) });
    actor.send({ type: 'stop' });
    await world.advance(99);
    expect(isDone).toBe(false);
    await world.advance(201);
    expect(isDone).toBe(true);
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
