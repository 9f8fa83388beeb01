import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { kubeProxyMachine } from './machine.ts';

const EVENTS = [
  { type: 'cluster.known' },
  { type: 'plan.changed' },
  { type: 'stop' },
  ...['probe', 'rebuild', 'update'].flatMap((id) => [
    { type: `xstate.done.actor.${id}`, output: undefined },
    { type: `xstate.error.actor.${id}`, error: new Error('x') },
  ]),
  ...['probeAgain.kubeProxy.unable', 'retryPeriod.kubeProxy.failing', 'minSyncPeriod.kubeProxy.resting', 'fullSyncPeriod.kubeProxy.synced'].map((after) => ({ type: `xstate.after.${after}` })),
]; // prettier-ignore
const reached = (guards: Readonly<Record<string, () => boolean>>): string[] => {
  const paths = getShortestPaths(kubeProxyMachine.provide({ guards }), {
    events: EVENTS as never[],
    serializeState: (state) => JSON.stringify(state.value),
    limit: 1_000,
  });
  return [...new Set(paths.map(({ state }) => state.value as string))].toSorted();
};
const ALWAYS = ['failing', 'probing', 'rebuilding', 'resting', 'stopped', 'unable'];

describe('the life of a service proxy', () => {
  it('has these states while nothing changes', () =>
    expect(reached({})).toEqual([...ALWAYS, 'learning', 'synced'].toSorted()));
  it('writes what has changed, and never rests while there is more', () =>
    expect(reached({ isKnown: () => true, hasChanges: () => true })).toEqual([...ALWAYS, 'updating'].toSorted()));
  it('comes back for what could not be taken away at once', () =>
    expect(reached({ isKnown: () => true, hasLeftovers: () => true })).toEqual([...ALWAYS, 'updating'].toSorted()));
  it('makes all rules anew where the node is not what they say', () =>
    expect(reached({ isKnown: () => true, mustRebuild: () => true, hasChanges: () => true })).toEqual(ALWAYS));
});
