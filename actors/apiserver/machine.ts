import { assign, fromPromise, setup } from 'xstate';

export type ApiserverEvent =
  | { readonly type: 'connection.lost' }
  | { readonly type: 'connection.restored' }
  | { readonly type: 'gap.found' }
  | { readonly type: 'gap.closed' }
  | { readonly type: 'stop' };
export interface ApiserverContext {
  /** Attempts to load that failed since the last one that did not. */
  readonly failures: number;
  /** How it is with the store's changes while the doors open, for the state that follows. */
  readonly hearing: 'all' | 'not all yet' | 'none';
}

/** The life of one API server: what it may answer at the moment, and why. */
export const apiserverMachine = setup({
  types: { context: {} as ApiserverContext, events: {} as ApiserverEvent },
  actors: {
    /** Fills the watch cache from the store. */
    load: fromPromise<void>(async () => {
      throw new Error("actor 'load' is not provided");
    }),
    /** Opens the doors, and fills what a fresh cluster lacks. */
    open: fromPromise<void>(async () => {
      throw new Error("actor 'open' is not provided");
    }),
    drain: fromPromise<void>(async () => {
      throw new Error("actor 'drain' is not provided");
    }),
  },
  /** ms. */
  delays: { backoff: ({ context }) => Math.min(10 * 2 ** context.failures, 5_000) },
  guards: { hears: ({ context }, how: ApiserverContext['hearing']) => context.hearing === how },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    hear: assign({ hearing: (_, how: ApiserverContext['hearing']) => how }),
    logFailure: (_event, _params: { error: unknown }) => undefined,
    repair: () => undefined,
    announceReady: () => undefined,
  },
}).createMachine({
  id: 'apiserver',
  context: { failures: 0, hearing: 'all' },
  initial: 'loading',
  options: { maxIterations: 100 },
  states: {
    loading: {
      invoke: {
        id: 'load',
        src: 'load',
        onDone: { target: 'opening', actions: { type: 'forgetFailures' } },
        onError: {
          target: 'connecting',
          actions: [{ type: 'countFailure' }, { type: 'logFailure', params: ({ event }) => ({ error: event.error }) }],
        },
      },
      on: { stop: { target: 'draining' } },
    },
    /** The store does not answer yet. */
    connecting: {
      after: { backoff: { target: 'loading' } },
      on: { stop: { target: 'draining' } },
    },
    opening: {
      invoke: {
        id: 'open',
        src: 'open',
        onDone: [
          {
            guard: { type: 'hears', params: 'none' },
            target: 'degraded',
            actions: { type: 'announceReady' },
          },
          {
            guard: { type: 'hears', params: 'not all yet' },
            target: 'catchingUp',
            actions: { type: 'announceReady' },
          },
          { target: 'serving', actions: { type: 'announceReady' } },
        ],
        onError: {
          target: 'failed',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: {
        'connection.lost': { actions: { type: 'hear', params: 'none' } },
        'connection.restored': { actions: [{ type: 'hear', params: 'not all yet' }, { type: 'repair' }] },
        'gap.found': {
          guard: { type: 'hears', params: 'all' },
          actions: { type: 'hear', params: 'not all yet' },
        },
        'gap.closed': {
          guard: { type: 'hears', params: 'not all yet' },
          actions: { type: 'hear', params: 'all' },
        },
        stop: { target: 'draining' },
      },
    },
    serving: {
      on: {
        'gap.found': { target: 'catchingUp' },
        'connection.lost': { target: 'degraded' },
        stop: { target: 'draining' },
      },
    },
    /** Some changes were not heard and are being read from the store; consistent reads wait for it. */
    catchingUp: {
      on: {
        'gap.closed': { target: 'serving' },
        'connection.lost': { target: 'degraded' },
        stop: { target: 'draining' },
      },
    },
    /** No bus: reads of any version go on from memory, the rest waits or fails. */
    degraded: {
      on: {
        'connection.restored': { target: 'catchingUp', actions: { type: 'repair' } },
        stop: { target: 'draining' },
      },
    },
    /** The doors did not open (a busy port, a bad key): nothing heals that from inside. */
    failed: { on: { stop: { target: 'draining' } } },
    draining: {
      invoke: { id: 'drain', src: 'drain', onDone: { target: 'stopped' }, onError: { target: 'stopped' } },
    },
    stopped: { type: 'final' },
  },
});
