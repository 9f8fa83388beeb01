import { expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import { ingressMachine } from './machine.ts';

it('the chart of the ingress controller reaches these states and no others', () => {
  const outcomes = ['syncCaches', 'openDoors', 'finishRequests'].flatMap((id) => [
    { type: `xstate.done.actor.${id}` },
    { type: `xstate.error.actor.${id}`, error: new Error('x') },
  ]);
  const paths = getShortestPaths(ingressMachine, {
    events: [{ type: 'leadership.gained' }, { type: 'leadership.lost' }, { type: 'stop' }, ...outcomes] as never[],
    serializeState: (s) => JSON.stringify(s.value),
    limit: 500,
  });
  expect([...new Set(paths.map((p) => JSON.stringify(p.state.value)))].sort()).toEqual(
    ['draining', 'opening', 'stopped', 'syncing', { serving: 'following' }, { serving: 'leading' }]
      .map((s) => JSON.stringify(s))
      .sort(),
  );
});
