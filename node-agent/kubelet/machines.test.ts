import { describe, expect, it } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { containerMachine } from './container/machine.ts';
import { kubeletMachine } from './machine.ts';
import { podMachine } from './pod/machine.ts';
import { probeMachine } from './probe/machine.ts';

const done = (id: string, output?: unknown) => ({ type: `xstate.done.actor.${id}`, output });
const failed = (id: string) => ({ type: `xstate.error.actor.${id}`, error: new Error('no') });
const after = (delay: string, id: string, state: string) => ({ type: `xstate.after.${delay}.${id}.${state}` });

/** States reached by the events, over all combinations of the named guards. */
function reached(
  machine: AnyStateMachine,
  input: unknown,
  events: readonly { type: string }[],
  guards: readonly string[] = [],
): Set<string> {
  const states = new Set<string>();
  for (let bits = 0; bits < 2 ** guards.length; bits++) {
    const provided = machine.provide({
      guards: Object.fromEntries(guards.map((name, i) => [name, () => ((bits >> i) & 1) === 1])),
    });
    const paths = getShortestPaths(provided, {
      input,
      events: events as never[],
      serializeState: (s: unknown) => JSON.stringify((s as { value: unknown }).value),
      limit: 2_000,
    } as never);
    for (const path of paths) states.add(JSON.stringify((path.state as { value: unknown }).value).replaceAll('"', ''));
  }
  return states;
}

describe('charts of a node', () => {
  it('kubelet: every state is reached', () => {
    const events = [
      { type: 'stop' }, done('register'), failed('register'), after('registerRetry', 'kubelet', 'waitingForApi'),
      done('syncPods'), done('finishWrites'),
    ]; // prettier-ignore
    expect(reached(kubeletMachine, undefined, events)).toEqual(
      new Set(['registering', 'waitingForApi', 'syncing', 'running', 'draining', 'stopped']),
    );
  });
  it('pod: every state that lasts is reached', () => {
    const events = [
      { type: 'container.changed' }, { type: 'pod.deleted' }, { type: 'pod.lost' }, { type: 'deadline.exceeded' },
      { type: 'grace.shortened' }, { type: 'stop' }, done('createSandbox'), failed('createSandbox'),
      after('sandboxRetry', 'pod', 'sandboxFailed'), done('endContainers'), done('removeFromApi'), failed('removeFromApi'),
      after('removalRetry', 'pod', 'removalFailed'), done('killContainers'), { type: 'sandbox.lost' },
      done('replaceSandbox'), failed('replaceSandbox'), after('sandboxRetry', 'pod', 'replacementFailed'),
    ]; // prettier-ignore
    const guards = ['isOver', 'isAdopted', 'isDeleted', 'isRejected', 'isInitialized', 'isCompleted'];
    expect(reached(podMachine, { uid: 'u' }, events, guards)).toEqual(
      new Set([
        'creatingSandbox', 'sandboxFailed', '{tending:initializing}', '{tending:running}', 'completing', 'terminating',
        'finished', 'removing', 'removalFailed', 'killing', 'gone', 'stopped', 'replacingSandbox', 'replacementFailed',
      ]),
    ); // prettier-ignore
  });
  it('container: every state that lasts is reached', () => {
    const events = [
      { type: 'start' }, { type: 'container.exited' }, { type: 'kill', message: '' }, { type: 'pod.ending' },
      { type: 'grace.shortened' }, { type: 'stop' }, done('pull'), failed('pull'), done('launch'), failed('launch'),
      done('kill'), done('end'), after('errorShown', 'container', 'pullFailed'),
      after('pullBackoff', 'container', 'pullBackingOff'), after('errorShown', 'container', 'launchFailed'),
      after('crashBackoff', 'container', 'crashBackingOff'), after('configRetry', 'container', 'configFailed'),
      { type: 'sandbox.lost' }, { type: 'definition.changed' },
    ]; // prettier-ignore
    const guards = ['hasRestart', 'hasRunLong', 'isNotCreated', 'hasEndedForGood'];
    const states = new Set(
      (['waiting', 'running', 'exited'] as const).flatMap((resumes) => [
        ...reached(containerMachine, { id: 'c', resumes, crashes: 1 }, events, guards),
      ]),
    );
    expect(states).toEqual(
      new Set([
        'waiting', 'pulling', 'pullFailed', 'pullBackingOff', 'launching', 'launchFailed', 'running', 'killing',
        'crashBackingOff', 'configFailed', 'ending', 'terminated', 'stopped',
      ]),
    ); // prettier-ignore
  });
  it.each(['any', 'failure', 'never'] as const)(
    'probe (concludes on %s): every state that lasts is reached',
    (concludesOn) => {
      const input = { id: 'p', initialDelayMs: 0, periodMs: 1, failureThreshold: 1, successThreshold: 1, concludesOn };
      const events = [
      { type: 'stop' }, after('initialDelay', 'probe', 'delaying'), after('period', 'probe', 'resting'),
      done('probe', { success: true, output: '' }), done('probe', { success: false, output: 'x' }), failed('probe'),
    ]; // prettier-ignore
      const expected = ['delaying', 'probing', 'resting', 'stopped', ...(concludesOn === 'never' ? [] : ['concluded'])];
      expect(reached(probeMachine, input, events)).toEqual(new Set(expected));
    },
  );
});
