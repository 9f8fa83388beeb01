import { describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { listenerMachine } from './local/machine.ts';
import { cloudMachine } from './machine.ts';

const done = (id: string) => ({ type: `xstate.done.actor.${id}`, output: undefined });
const failed = (id: string) => ({ type: `xstate.error.actor.${id}`, error: new Error('no') });
function reached(machine: AnyStateMachine, events: readonly { type: string }[]): Set<unknown> {
  const options = { events, serializeState: (s: { value: unknown }) => JSON.stringify(s.value), limit: 200 };
  return new Set(getShortestPaths(machine, options as never).map(({ state }) => (state as { value: unknown }).value));
}

describe('every state is reached', () => {
  it('of the cloud controllers', () => {
    const events = [
      { type: 'stop' },
      { type: 'leadership.gained' },
      { type: 'leadership.lost' },
      done('syncCaches'),
      failed('syncCaches'),
      done('finishWork'),
    ];
    expect(reached(cloudMachine, events)).toEqual(new Set(Object.keys(cloudMachine.states)));
  });
  it('of a listener', () => {
    const events = [
      { type: 'retirement.asked' },
      { type: 'removal.asked' },
      done('listen'),
      failed('listen'),
      done('connectionsEnd'),
    ];
    expect(reached(listenerMachine, events)).toEqual(new Set(Object.keys(listenerMachine.states)));
  });
});
