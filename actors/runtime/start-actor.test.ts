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
