import { getShortestPaths } from 'xstate/graph';
import { expect, it } from 'vitest';
import { certificateMachine } from './machine.ts';

const invokes = ['look', 'describe', 'submit', 'awaitAnswer', 'store'];
const output: Readonly<Record<string, readonly unknown[]>> = {
  look: [{ do: 'request' }, { do: 'wait', ms: 5 }],
  submit: [{ name: 'csr-1', uid: 'u' }],
  store: [{ share: 0.8, waitMs: 7 }],
};
const events = [
  { type: 'stop' },
  ...invokes.flatMap((id) => [
    ...(output[id] ?? [undefined]).map((value) => ({ type: `xstate.done.actor.${id}`, output: value })),
    { type: `xstate.error.actor.${id}`, error: new Error('x') },
  ]),
  { type: 'xstate.after.look.certificate.holding' },
  { type: 'xstate.after.retry.certificate.undescribed' },
  { type: 'xstate.after.signing.certificate.awaiting' },
  { type: 'xstate.after.backoff.certificate.backingOff' },
] as never[];
const paths = getShortestPaths(certificateMachine, {
  input: { share: 0.7 },
  events,
  serializeState: (s) => JSON.stringify([s.value, s.context]),
  limit: 5_000,
  stopWhen: (s) => s.context.failures > 2,
});
const reached = new Map(
  paths.map(({ state, steps }) => [JSON.stringify([state.value, state.context]), { state, steps }]),
);

it('reaches these states and no others', () => {
  expect([...new Set([...reached.values()].map(({ state }) => state.value))].sort()).toEqual(
    ['awaiting', 'backingOff', 'describing', 'holding', 'looking', 'stopped', 'storing', 'submitting', 'undescribed'],
  );
}); // prettier-ignore
it('asks anew after every failure, and forgets failures with what it got alone', () => {
  const after = (...types: string[]) =>
    [...reached.values()].filter(({ steps }) => types.includes(steps.at(-1)?.event.type ?? ''));
  const failed = after(...['submit', 'awaitAnswer', 'store'].map((id) => `xstate.error.actor.${id}`), 'xstate.after.signing.certificate.awaiting'); // prettier-ignore
  expect(new Set(failed.map(({ state }) => state.value))).toEqual(new Set(['backingOff']));
  expect(failed.every(({ state }) => state.context.failures > 0)).toBe(true);
  for (const { state } of after('xstate.done.actor.store')) expect(state.context).toMatchObject({ failures: 0, share: 0.8, waitMs: 7 }); // prettier-ignore
});
