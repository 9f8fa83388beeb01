import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { dnsMachine } from './machine.ts';

const EVENTS = [
  { type: 'cluster.known' },
  { type: 'stop' },
  ...['openDoors', 'closeDoors', 'makeService'].flatMap((id) => [
    { type: `xstate.done.actor.${id}`, output: undefined },
    { type: `xstate.error.actor.${id}`, error: new Error('x') },
  ]),
  { type: 'xstate.after.patience.dns.learning' },
  { type: 'xstate.after.reopening.dns.closed' },
  { type: 'xstate.after.again.dns.serving.all.introduced' },
  { type: 'xstate.after.later.dns.serving.all.unknown' },
];
const reached = (isKnown: boolean): string[] => {
  const paths = getShortestPaths(dnsMachine.provide({ guards: { isKnown: () => isKnown } }), {
    events: EVENTS as never[],
    serializeState: (state) => JSON.stringify(state.value),
    limit: 1_000,
  });
  return [...new Set(paths.map(({ state }) => JSON.stringify(state.value)))].toSorted();
};

describe('the life of a name server', () => {
  it.each([true, false])('has these states and no others, the cluster being known: %s', (isKnown) => {
    expect(reached(isKnown)).toEqual(
      [
        '"closed"',
        '"draining"',
        '"learning"',
        '"opening"',
        '"stopped"',
        '{"serving":{"all":"introduced"}}',
        '{"serving":{"all":"introducing"}}',
        '{"serving":{"all":"unknown"}}',
        ...(isKnown ? [] : ['{"serving":"others"}']),
      ].toSorted(),
    );
  });
});
