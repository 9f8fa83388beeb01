import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { next } from './attempt-table.ts';
import { ATTEMPT_EVENTS, attemptMachine, schedulerMachine } from './machine.ts';

describe('the scheduler chart', () => {
  it.each([
    [true, false],
    [true, true],
    [false, false],
  ])('reaches every state (elects: %s, delays: %s)', (elects, delays) => {
    const events = [
      { type: 'stop' }, { type: 'leadership.gained' }, { type: 'leadership.lost' },
      { type: 'xstate.done.actor.syncCaches', output: undefined }, { type: 'xstate.error.actor.syncCaches', error: new Error('no') },
      { type: 'xstate.done.actor.warm', output: undefined }, { type: 'xstate.error.actor.warm', error: new Error('no') },
      { type: 'xstate.done.actor.finishBindings', output: undefined },
    ] as never[]; // prettier-ignore
    const paths = getShortestPaths(schedulerMachine, { input: { elects, delays }, events, serializeState: (s) => JSON.stringify(s.value), limit: 100 }); // prettier-ignore
    // Without an election a lost leadership cannot happen, but the chart would stand by if it did.
    expect(new Set(paths.map((p) => p.state.value))).toEqual(
      new Set([...(delays ? ['warming'] : ['syncing']), 'standby', 'scheduling', 'draining', 'stopped']),
    );
  });
});
describe('the attempt chart', () => {
  it('reaches every state', () => {
    const events = ATTEMPT_EVENTS.map((type) => ({ type }));
    const paths = getShortestPaths(attemptMachine, { events, serializeState: (s) => JSON.stringify(s.value), limit: 500 }); // prettier-ignore
    expect(new Set(paths.map((p) => p.state.value))).toEqual(new Set(Object.keys(attemptMachine.states)));
  });
  it('is what the queue looks up', () => {
    expect(next('arriving', 'pod.queued')).toBe('active');
    expect(next('binding', 'binding.failed')).toBe('backingOff');
    expect(() => next('gated', 'binding.confirmed')).toThrow("'binding.confirmed' cannot happen in state 'gated'");
  });
});
