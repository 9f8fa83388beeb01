import { assign, fromPromise, setup, stateIn } from 'xstate';

/**
 * After a revocation connections are looked through once more after this long: one that was decided about before may have
 * been made since. The last is longer than a server waits for a decision.
 */
export const AGAIN_MS = [1_000, 6_000] as const;

type Event = { readonly type: 'credential.revoked' };

/** Life of the one who lets nodes in: knows the Nodes, answers servers, and ends connections of those no longer trusted. */
export const nodeAuthenticatorMachine = setup({
  types: {
    context: {} as { readonly round: number; readonly failures: number },
    events: {} as Event,
  },
  actors: {
    learnNodes: fromPromise<void>(() => Promise.reject(new Error('not provided'))),
    sweep: fromPromise<void>(() => Promise.reject(new Error('not provided'))),
  },
  actions: {
    openGate: () => undefined,
    closeGate: () => undefined,
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    beginRounds: assign({ round: 0 }),
    nextRound: assign({ round: ({ context }) => context.round + 1 }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
  },
  guards: {
    hasMoreRounds: ({ context }) => context.round < AGAIN_MS.length,
    isDirty: stateIn({ serving: { sweeping: 'dirty' } }),
  },
  delays: {
    again: ({ context }) => AGAIN_MS[context.round] ?? AGAIN_MS[0],
    backoff: ({ context }) => Math.min(100 * 2 ** context.failures, 10_000),
  },
}).createMachine({
  id: 'nodeAuthenticator',
  // The first look, at the start, is the only one of its kind.
  context: { round: AGAIN_MS.length, failures: 0 },
  initial: 'learning',
  options: { maxIterations: 100 },
  states: {
    learning: {
      invoke: {
        id: 'learnNodes',
        src: 'learnNodes',
        onDone: 'serving',
        onError: {
          target: 'retrying',
          actions: [{ type: 'reportFailure', params: ({ event }) => event }, 'countFailure'],
        },
      },
    },
    retrying: { after: { backoff: 'learning' } },
    serving: {
      entry: ['openGate', 'forgetFailures'],
      exit: 'closeGate',
      // Some may have been revoked while nobody was looking.
      initial: 'sweeping',
      states: {
        sweeping: {
          initial: 'clean',
          states: { clean: { on: { 'credential.revoked': 'dirty' } }, dirty: {} },
          invoke: {
            id: 'sweep',
            src: 'sweep',
            onDone: [
              { guard: 'isDirty', target: 'sweeping', reenter: true, actions: ['beginRounds', 'forgetFailures'] },
              { guard: 'hasMoreRounds', target: 'settling', actions: 'forgetFailures' },
              { target: 'quiet', actions: 'forgetFailures' },
            ],
            onError: {
              target: 'failing',
              actions: [{ type: 'reportFailure', params: ({ event }) => event }, 'countFailure'],
            },
          },
        },
        settling: {
          after: { again: { target: 'sweeping', actions: 'nextRound' } },
          on: { 'credential.revoked': { target: 'sweeping', actions: 'beginRounds' } },
        },
        failing: {
          after: { backoff: 'sweeping' },
          on: { 'credential.revoked': { target: 'sweeping', actions: 'beginRounds' } },
        },
        quiet: { on: { 'credential.revoked': { target: 'sweeping', actions: 'beginRounds' } } },
      },
    },
  },
});
