import { assign, fromPromise, setup, stateIn } from 'xstate';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
export type LeaderEvent =
  /** The lease may be free, or given to us, or another's: somebody is gone, or says otherwise than before who leads. */
  | { readonly type: 'lease.doubted' }
  /** Another is to lead. */
  | { readonly type: 'handover.asked'; readonly to: string }
  | { readonly type: 'stop' };
export interface LeaderContext {
  /** Attempts in a row that brought no answer. */
  readonly failures: number;
  /** Who is to lead next; '': whoever comes first. */
  readonly successor: string;
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
    /** Begins nothing new and waits for what is under way. */
    finishWork: fromPromise<void>(unwired('finishWork')),
    release: fromPromise<void, { to: string }>(unwired('release')),
  },
  guards: {
    hasLease: (_, params: { attempt: Attempt }) => params.attempt.held,
    /** Renewal has failed for so long that another may hold the lease soon. */
    isPastDeadline: () => false,
  },
  /** ms; the provided ones know the lease. */
  delays: {
    renewPeriod: 10_000,
    /** After a renewal that failed. */
    retryPeriod: 2_000,
    followPeriod: 10_000,
    /** Nobody else holds the lease, we only could not ask: the API server is perhaps just starting. */
    backoff: ({ context }) => Math.min(25 * 2 ** context.failures, 2_000),
  },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    noteSuccessor: assign({ successor: (_, params: { to: string }) => params.to }),
    forgetSuccessor: assign({ successor: '' }),
    startLeading: () => undefined,
    stopLeading: () => undefined,
  },
}).createMachine({
  id: 'leader',
  context: { failures: 0, successor: '' },
  initial: 'acquiring',
  options: { maxIterations: 100 },
  states: {
    acquiring: {
      initial: 'asking',
      /** Doubted while asking: what the answer says may be from before. */
      states: { asking: { on: { 'lease.doubted': { target: 'doubting' } } }, doubting: {} },
      invoke: {
        id: 'acquire',
        src: 'acquire',
        onDone: [
          { guard: { type: 'hasLease', params: ({ event }) => ({ attempt: event.output }) }, target: 'leading' },
          { guard: stateIn({ acquiring: 'doubting' }), target: 'acquiring', reenter: true },
          { target: 'following' },
        ],
        onError: { target: 'backingOff', actions: { type: 'countFailure' } },
      },
      on: { stop: { target: 'stopped' } },
    },
    backingOff: {
      on: { 'lease.doubted': { target: 'acquiring' }, stop: { target: 'stopped' } },
      after: { backoff: { target: 'acquiring' } },
    },
    following: {
      entry: { type: 'forgetFailures' },
      on: { 'lease.doubted': { target: 'acquiring' }, stop: { target: 'stopped' } },
      after: { followPeriod: { target: 'acquiring' } },
    },
    leading: {
      entry: [{ type: 'forgetFailures' }, { type: 'startLeading' }],
      exit: { type: 'stopLeading' },
      on: { stop: { target: 'resigning' } },
      initial: 'holding',
      states: {
        holding: {
          on: {
            'lease.doubted': { target: 'renewing' },
            'handover.asked': {
              target: 'finishing',
              actions: { type: 'noteSuccessor', params: ({ event }) => ({ to: event.to }) },
            },
          },
          after: { renewPeriod: { target: 'renewing' } },
        },
        renewing: {
          invoke: {
            id: 'renew',
            src: 'renew',
            onDone: [
              { guard: { type: 'hasLease', params: ({ event }) => ({ attempt: event.output }) }, target: 'holding' },
              { target: '#leader.following' },
            ],
            onError: [{ guard: 'isPastDeadline', target: '#leader.following' }, { target: 'retrying' }],
          },
        },
        /** The lease still runs; it is renewed as soon as it can be. */
        retrying: { after: { retryPeriod: { target: 'renewing' } } },
        /** Nothing new is begun; what is under way ends under this leadership. */
        finishing: {
          invoke: {
            id: 'finishWork',
            src: 'finishWork',
            onDone: { target: '#leader.handingOver' },
            onError: { target: '#leader.handingOver' },
          },
        },
      },
    },
    handingOver: {
      invoke: {
        id: 'give',
        src: 'release',
        input: ({ context }) => ({ to: context.successor }),
        onDone: { target: 'following' },
        onError: { target: 'following' },
      },
      exit: { type: 'forgetSuccessor' },
      on: { stop: { target: 'stopped' } },
    },
    resigning: {
      invoke: {
        id: 'release',
        src: 'release',
        input: { to: '' },
        onDone: { target: 'stopped' },
        onError: { target: 'stopped' },
      },
    },
    stopped: { type: 'final' },
  },
});
