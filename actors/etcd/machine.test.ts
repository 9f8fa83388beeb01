import { expect, it } from 'vitest';
import { createActor, fromPromise, SimulatedClock, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { ApiError } from '../../schemas/meta/status.ts';
import { etcdMachine, type EtcdEvent } from './machine.ts';

const refusal = new ApiError('Invalid', 'written by a newer version');
const outage = new ApiError('ServiceUnavailable', 'no JetStream');
const events = [
  { type: 'feed.interrupted' },
  { type: 'track.lost', why: 'the log is another one' },
  { type: 'data.refused', error: refusal },
  { type: 'write.refused' },
  { type: 'write.accepted' },
  { type: 'stop' },
  ...['connect', 'load', 'catchUp', 'drain'].flatMap((id) => [
    { type: `xstate.done.actor.${id}`, output: undefined },
    { type: `xstate.error.actor.${id}`, error: outage },
    { type: `xstate.error.actor.${id}`, error: refusal },
  ]),
  { type: 'xstate.after.retry.etcd.unreachable' },
] as EtcdEvent[];

it('reaches every state and no other', () => {
  const paths = getShortestPaths(etcdMachine, {
    events,
    serializeState: (s) => JSON.stringify(s.value),
    limit: 2_000,
  });
  expect(new Set(paths.map((p) => JSON.stringify(p.state.value)))).toEqual(
    new Set(
      [
        'connecting',
        'loading',
        'unreachable',
        { serving: { index: 'current', writes: 'open' } },
        { serving: { index: 'current', writes: 'suspended' } },
        { serving: { index: 'catchingUp', writes: 'open' } },
        { serving: { index: 'catchingUp', writes: 'suspended' } },
        'failed',
        'draining',
        'stopped',
      ].map((value) => JSON.stringify(value)),
    ),
  );
});

it('can be stopped from every state', () => {
  const paths = getShortestPaths(etcdMachine, { events, serializeState: (s) => JSON.stringify(s.value), limit: 2_000 });
  for (const { state } of paths) {
    const [next] = transition(etcdMachine, state, { type: 'stop' });
    expect(['draining', 'stopped']).toContain(next.value);
  }
});

it('opens its doors only while it serves, and closes them before it loads again', async () => {
  const doors: string[] = [];
  const actor = createActor(
    etcdMachine.provide({
      actors: {
        ...never,
        connect: fromPromise<void>(async () => undefined),
        load: fromPromise<void>(async () => undefined),
      },
      actions: { openDoors: () => void doors.push('open'), closeDoors: () => void doors.push('close') },
    }),
  ).start();
  await settled(() => actor.getSnapshot().matches('serving'));
  expect(doors).toEqual(['open']);
  actor.send({ type: 'track.lost', why: 'x' });
  expect(actor.getSnapshot().value).toBe('loading');
  await settled(() => actor.getSnapshot().matches('serving'));
  actor.send({ type: 'stop' });
  expect(doors).toEqual(['open', 'close', 'open', 'close']);
});

it('tries an absent log again after 100 ms, twice that the next time, at most 5 s', async () => {
  const clock = new SimulatedClock();
  let calls = 0;
  const connect = fromPromise<void>(async () => {
    calls++;
    throw outage;
  });
  const actor = createActor(etcdMachine.provide({ actors: { ...never, connect } }), { clock }).start();
  for (const ms of [200, 400, 800, 1600, 3200, 5000, 5000]) {
    await settled(() => actor.getSnapshot().value === 'unreachable');
    const before = calls;
    clock.increment(ms - 1);
    expect(actor.getSnapshot().value).toBe('unreachable');
    clock.increment(1);
    await settled(() => calls === before + 1);
  }
});

const pending = fromPromise<void>(() => new Promise(() => undefined));
const never = { connect: pending, load: pending, catchUp: pending, drain: pending };
async function settled(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i > 1_000) throw new Error('did not settle');
    await Promise.resolve();
  }
}
