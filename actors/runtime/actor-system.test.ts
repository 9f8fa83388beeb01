import { describe, expect, it } from 'vitest';
import { cancel, createActor, raise, sendTo, setup, type AnyActorRef, type AnyStateMachine, type EventObject, type InspectionEvent } from 'xstate'; // prettier-ignore
import { LeanSystem } from './actor-system.ts';
import { testWorld } from './testing/world.ts';

const child = setup({ types: { events: {} as { type: 'ping' } } }).createMachine({
  id: 'child',
  initial: 'idle',
  states: {
    idle: { on: { ping: 'pinged' }, after: { 50: 'late' } },
    pinged: { after: { 5: 'end' } },
    late: {},
    end: { type: 'final' },
  },
});
const machine = setup({
  types: { events: {} as EventObject },
  actors: { child },
  delays: { short: 10, long: 100 },
}).createMachine({
  id: 'all',
  initial: 'waiting',
  invoke: { id: 'first', src: 'child', systemId: 'named', onDone: { actions: raise({ type: 'first.done' }) } },
  on: {
    'first.done': '.heard',
    delayed: '.delayed',
    raise: { actions: raise({ type: 'delayed' }, { delay: 'long', id: 'delayed' }) },
    withdraw: { actions: cancel('delayed') },
    ping: { actions: sendTo('first', { type: 'ping' }, { delay: 1 }) },
    end: '.ended',
  },
  states: {
    waiting: { after: { short: 'afterwards' }, on: { leave: 'left' } },
    afterwards: { after: { long: 'left' } },
    left: {},
    heard: {},
    delayed: {},
    ended: { type: 'final' },
  },
});

/** The states that an actor goes through, with their times, and what is heard of its system. */
async function run(
  logic: AnyStateMachine,
  isLean: boolean,
  events: readonly (string | number)[],
): Promise<readonly unknown[]> {
  const world = testWorld();
  const seen: unknown[] = [];
  const parent = isLean ? { system: new LeanSystem(world.clock) } : undefined;
  const actor = createActor(logic, { clock: world.clock, ...(parent && { parent: parent as never }) });
  Object.assign(actor, { _parent: undefined });
  actor.system.inspect(({ type, actorRef, rootId, ...rest }: InspectionEvent) => {
    const { event } = rest as { event?: EventObject };
    seen.push([type, (actorRef as AnyActorRef).id === 'first', event?.type, rootId === actor.sessionId]);
  });
  const began = world.clock.now();
  actor.subscribe({
    next: ({ value }) => seen.push([world.clock.now() - began, value]),
    complete: () => seen.push('complete'),
  });
  actor.start();
  seen.push([actor.system.get('named')?.id, Object.keys(actor.system.getAll())]);
  for (const event of events) {
    if (typeof event === 'number') await world.advance(event);
    else actor.send({ type: event });
  }
  actor.stop();
  await world.advance(1_000);
  seen.push(world.timers);
  return seen;
}

describe('LeanSystem', () => {
  it.each([
    [[200]],
    [['leave', 200]],
    [['ping', 0, 1, 5, 200]],
    [['raise', 50, 'withdraw', 200]],
    [['raise', 120, 'raise', 99, 1]],
    [['raise', 10, 'raise', 10, 'withdraw', 200]],
    [['ping', 'end', 200]],
    [['end', 'ping', 'raise']],
    [['raise', 'ping']],
  ])('does as the system of XState itself with %j', async (events) => {
    expect(await run(machine, true, events)).toEqual(await run(machine, false, events));
  });
  it('has no two of one name', () => {
    const system = new LeanSystem(testWorld().clock);
    const [one, other] = [{}, {}] as AnyActorRef[];
    system._set('name', one!);
    system._set('name', one!);
    expect(() => system._set('name', other!)).toThrow("Actor with system ID 'name' already exists.");
    system._unregister(one!);
    system._set('name', other!);
    expect(system.get('name')).toBe(other);
  });
});
