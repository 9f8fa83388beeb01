import { assign, fromPromise, setup } from 'xstate';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
export type LeaderEvent =
  /** What the lease's holder says of itself no longer comes. */
  { readonly type: 'holder.lost' } | { readonly type: 'stop' };
export interface LeaderContext {
  /** Attempts in a row that brought no answer. */
  readonly failures: number;
}
export interface Attempt {
  readonly held: boolean;
}

/** One candidate for one Lease. Everything that only a leader may do happens in `leading`. */
export const leaderMachine = setup({
  types: { context: {} as LeaderContext, events: {} as LeaderEvent },
  actors: {
    acquire: fromPromise<Attempt>(unwired('acquire')),
    renew: fromPromise<Attempt>(unwired('renew')),
    release: fromPromise<void>(unwired('release')),
  },
  guards: {
    hasLease: (_, params: { attempt: Attempt }) => params.attempt.held,
    /** Renewal has failed for so long that another may hold the lease soon. */
    isPastDeadline: () => false,
  },
  /** ms; client-go's defaults for kube-controller-manager: retry 2 s (jittered in the provided one). */
  delays: {
    retryPeriod: 2_000,
    /** Nobody else holds the lease, we only could not ask: the API server is perhaps just starting. */
    backoff: ({ context }) => Math.min(25 * 2 ** context.failures, 2_000),
  },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    startLeading: () => undefined,
    stopLeading: () => undefined,
  },
}).createMachine({
  id: 'leader',
  context: { failures: 0 },
  initial: 'acquiring',
  options: { maxIterations: 100 },
  states: {
    acquiring: {
      invoke: {
        id: 'acquire',
        src: 'acquire',
        onDone: [
          { guard: { type: 'hasLease', params: ({ event }) => ({ attempt: event.output }) }, target: 'leading' },
          { target: 'following' },
        ],
        onError: { target: 'backingOff', actions: { type: 'countFailure' } },
      },
      on: { stop: { target: 'stopped' } },
    },
    backingOff: {
      on: { 'holder.lost': { target: 'acquiring' }, stop: { target: 'stopped' } },
      after: { backoff: { target: 'acquiring' } },
    },
    following: {
      entry: { type: 'forgetFailures' },
      on: { 'holder.lost': { target: 'acquiring' }, stop: { target: 'stopped' } },
      after: { retryPeriod: { target: 'acquiring' } },
    },
    leading: {
      entry: [{ type: 'forgetFailures' }, { type: 'startLeading' }],
      exit: { type: 'stopLeading' },
      on: { stop: { target: 'releasing' } },
      initial: 'holding',
      states: {
        holding: { after: { retryPeriod: { target: 'renewing' } } },
        renewing: {
          invoke: {
            id: 'renew',
            src: 'renew',
            onDone: [
              { guard: { type: 'hasLease', params: ({ event }) => ({ attempt: event.output }) }, target: 'holding' },
              { target: '#leader.following' },
            ],
            onError: [{ guard: 'isPastDeadline', target: '#leader.following' }, { target: 'holding' }],
          },
        },
      },
    },
    releasing: {
      invoke: { id: 'release', src: 'release', onDone: { target: 'stopped' }, onError: { target: 'stopped' } },
    },
    stopped: { type: 'final' },
  },
});
