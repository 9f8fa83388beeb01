import { getShortestPaths } from 'xstate/graph';
import { describe, expect, it } from 'vitest';
import { podNetworkMachine } from './machine.ts';
import { policyMachine } from './policy/machine.ts';

const ofActors = (ids: readonly string[], output?: unknown) =>
  ids.flatMap((id) => [
    { type: `xstate.done.actor.${id}`, output },
    { type: `xstate.error.actor.${id}`, error: new Error('x') },
  ]);
const after = (machine: string, delays: Readonly<Record<string, string>>) =>
  Object.entries(delays).map(([state, delay]) => ({ type: `xstate.after.${delay}.${machine}.${state}` }));
const statesOf = (logic: typeof podNetworkMachine | typeof policyMachine, events: readonly unknown[]): string[] => {
  const paths = getShortestPaths(logic as typeof podNetworkMachine, {
    events: events as never[],
    serializeState: (state) => JSON.stringify([state.value, Math.min(state.context.failures, 2)]),
    limit: 2_000,
    stopWhen: (state) => state.context.failures > 2,
  });
  return [...new Set(paths.map(({ state }) => JSON.stringify(state.value)))].toSorted();
};

describe('the life of a pod network', () => {
  it.each([true, false])('has these states and no others, the kernel having all: %s', (whole) => {
    const events = [{ type: 'nodes.changed' }, { type: 'stop' }, ...ofActors(['syncNodes', 'prepareNode', 'apply', 'check']), ...after('podNetwork', { unprepared: 'backoff', backingOff: 'backoff', settled: 'checking', gathering: 'gathering' })]; // prettier-ignore
    expect(statesOf(podNetworkMachine.provide({ guards: { isWhole: () => whole } }), events)).toEqual(
      ['"backingOff"', '"checking"', '"gathering"', '"learning"', '"preparing"', '"settled"', '"stopped"', '"unprepared"', '{"applying":"clean"}', '{"applying":"dirty"}'].toSorted(),
    ); // prettier-ignore
  });
});
describe('the life of who guards pods', () => {
  const events = [...['policies.found', 'policies.gone', 'world.changed', 'pod.waiting', 'stop'].map((type) => ({ type })), ...ofActors(['syncPolicies', 'syncWorld', 'apply', 'clear', 'check']), ...after('networkPolicy', { unclear: 'backoff', unopened: 'backoff', backingOff: 'backoff', guarding: 'checking', gathering: 'gathering' })]; // prettier-ignore
  const guarding = ['"applying"', '"backingOff"', '"checking"', '"gathering"', '"guarding"', '{"applying":"clean"}', '{"applying":"dirty"}'].slice(1); // prettier-ignore
  const always = ['"clearing"', '"learning"', '"opening"', '"stopped"', '"unclear"', '"unguarded"', '"unopened"'];
  it.each([
    [true, [...always.filter((state) => state !== '"unguarded"'), ...guarding]],
    [false, [...always, ...guarding]],
  ])('has these states and no others, there being policies: %s', (has, states) => {
    const told = statesOf(policyMachine.provide({ guards: { hasPolicies: () => has } }), events);
    expect(told).toEqual(states.toSorted());
  });
});
