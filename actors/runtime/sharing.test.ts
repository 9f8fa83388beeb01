import { describe, expect, it } from 'vitest';
import { assign, createActor, fromPromise, setup, type AnyStateMachine, waitFor } from 'xstate';
import { sharing } from './sharing.ts';

const heard: string[] = [];
const machine = setup({
  types: { context: {} as { rounds: number }, events: {} as { type: 'go' } | { type: 'wait' } },
  actors: { work: fromPromise<string>(async () => 'nothing') },
  guards: { isAllowed: () => false },
  delays: { pause: 60_000 },
  actions: { tell: () => void heard.push('nobody'), count: assign({ rounds: ({ context }) => context.rounds + 1 }) },
}).createMachine({
  id: 'one',
  context: { rounds: 0 },
  initial: 'idle',
  options: { maxIterations: 100 },
  states: {
    idle: { on: { go: { guard: 'isAllowed', target: 'working' }, wait: 'waiting' } },
    working: { entry: ['tell', 'count'], invoke: { id: 'work', src: 'work', onDone: 'over' } },
    waiting: { after: { pause: 'working' } },
    over: { type: 'final' },
  },
});
const equipped = (name: string): AnyStateMachine =>
  sharing(machine).provide({
    actors: { work: fromPromise(async () => name) },
    guards: { isAllowed: () => true },
    delays: { pause: 1 },
    actions: { tell: () => void heard.push(name) },
  });

describe('machines that share their states', () => {
  it('have effects, guards and delays of their own', async () => {
    heard.length = 0;
    for (const [name, event] of [
      ['a', 'go'],
      ['b', 'wait'],
    ] as const) {
      const actor = createActor(equipped(name)).start();
      actor.send({ type: event });
      const { context } = await waitFor(actor, ({ status }) => status === 'done');
      // Those that were not provided are as they were.
      expect(context).toEqual({ rounds: 1 });
    }
    expect(heard).toEqual(['a', 'b']);
  });
  it('leave the machine as it is', () => {
    equipped('a');
    heard.length = 0;
    const actor = createActor(machine).start();
    actor.send({ type: 'go' });
    expect(actor.getSnapshot().value).toBe('idle');
    expect(heard).toEqual([]);
    actor.stop();
  });
  it('come back from what they were, with their own effects', () => {
    heard.length = 0;
    const before = createActor(equipped('a')).start();
    const snapshot = before.getPersistedSnapshot();
    before.stop();
    const after = createActor(equipped('b'), { snapshot }).start();
    after.send({ type: 'go' });
    expect(heard).toEqual(['b']);
    after.stop();
  });
  it('can be equipped once more', () => {
    heard.length = 0;
    const actor = createActor(
      sharing(equipped('a')).provide({ actions: { tell: () => void heard.push('c') } }),
    ).start();
    actor.send({ type: 'go' });
    expect(heard).toEqual(['c']);
    actor.stop();
  });
  it('make the states once', () => {
    expect(equipped('a').root).toBe(machine.root);
    expect(equipped('a').root).toBe(equipped('b').root);
  });
});
