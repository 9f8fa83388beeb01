import { expect, it } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { apiserverMachine, type ApiserverEvent } from './machine.ts';

const events = [
  { type: 'connection.lost' },
  { type: 'connection.restored' },
  { type: 'gap.found' },
  { type: 'gap.closed' },
  { type: 'stop' },
  ...['load', 'open', 'drain'].flatMap((id) => [
    { type: `xstate.done.actor.${id}`, output: undefined },
    { type: `xstate.error.actor.${id}`, error: new Error('no') },
  ]),
  { type: 'xstate.after.backoff.apiserver.connecting' },
] as ApiserverEvent[];
const paths = getShortestPaths(apiserverMachine, {
  events,
  serializeState: (s) => JSON.stringify(s.value),
  limit: 2_000,
});
const STATES = [
  'loading', 'connecting', 'opening', 'serving', 'catchingUp', 'degraded', 'failed', 'draining', 'stopped',
]; // prettier-ignore

it('reaches every state and no other', () => {
  expect(new Set(paths.map((p) => p.state.value))).toEqual(new Set(STATES));
});
it.each(STATES.filter((s) => s !== 'stopped' && s !== 'draining'))('drains when stopped while %s', (value) => {
  const path = paths.find((p) => p.state.value === value)!;
  const [next] = transition(apiserverMachine, path.state, { type: 'stop' });
  expect(next.value).toBe('draining');
});
it('repairs before it serves again after the connection was away', () => {
  const degraded = paths.find((p) => p.state.value === 'degraded')!;
  const [next, effects] = transition(apiserverMachine, degraded.state, { type: 'connection.restored' });
  expect(next.value).toBe('catchingUp');
  expect(effects.map((e) => e.type)).toContain('repair');
});

it.each<[string, ApiserverEvent['type'][], string]>([
  ['nothing', [], 'serving'],
  ['the connection is lost', ['connection.lost'], 'degraded'],
  ['it comes back', ['connection.lost', 'connection.restored'], 'catchingUp'],
  ['what was missed is read', ['connection.lost', 'connection.restored', 'gap.closed'], 'serving'],
  ['a change is missed', ['gap.found'], 'catchingUp'],
  ['it is lost while that is read', ['gap.found', 'connection.lost'], 'degraded'],
  ['reading ends all the same', ['gap.found', 'connection.lost', 'gap.closed'], 'degraded'],
  ['a change is missed while it is lost', ['connection.lost', 'gap.found'], 'degraded'],
])('knows once its doors are open what it hears: %s meanwhile', (_, meanwhile, value) => {
  let { state } = paths.find((p) => p.state.value === 'opening')!;
  for (const type of meanwhile) [state] = transition(apiserverMachine, state, { type });
  expect(state.value).toBe('opening');
  const [next, effects] = transition(apiserverMachine, state, {
    type: 'xstate.done.actor.open',
    output: undefined,
  } as never);
  expect(next.value).toBe(value);
  expect(effects.map((e) => e.type)).toContain('announceReady');
});
