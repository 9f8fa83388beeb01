import { assign, fromPromise, setup } from 'xstate';

export type EtcdEvent =
  /** Entries are missing, or may be. */
  | { readonly type: 'feed.interrupted' }
  /** The index cannot be brought up to date entry by entry. */
  | { readonly type: 'track.lost'; readonly why: string }
  /** The data is of a newer version, or damaged. */
  | { readonly type: 'data.refused'; readonly error: unknown }
  | { readonly type: 'write.refused' }
  | { readonly type: 'write.accepted' }
  | { readonly type: 'stop' };
export interface EtcdContext {
  readonly failures: number;
  readonly error: unknown;
}

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
const reasonIn = (error: unknown): string | undefined =>
  (error as { status?: { reason?: string } } | undefined)?.status?.reason;

/**
 * The life of one facade of the store. Reads and writes are plain code beside it; here is what they may count on.
 * `serving` has two regions: whether the index is complete, and whether the log takes writes.
 */
export const etcdMachine = setup({
  types: { context: {} as EtcdContext, events: {} as EtcdEvent },
  actors: {
    /** Asks the log for its bounds. */
    connect: fromPromise<void>(unwired('connect')),
    /** Snapshot and tail, or the whole log, into the index. */
    load: fromPromise<void>(unwired('load')),
    /** Reads from the log what the events left out. */
    catchUp: fromPromise<void>(unwired('catchUp')),
    /** Lets requests in flight finish, writes a snapshot. */
    drain: fromPromise<void>(unwired('drain')),
  },
  guards: {
    /** Waiting does not help: the data itself is refused. */
    isRefusal: (_, params: { error: unknown }) => reasonIn(params.error) === 'Invalid',
  },
  /** ms: 100 * 2^failures, at most 5 s. */
  delays: { retry: ({ context }) => Math.min(100 * 2 ** context.failures, 5_000) },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    keepError: assign({ error: (_, params: { error: unknown }) => params.error }),
    openDoors: () => undefined,
    closeDoors: () => undefined,
    reportFailure: () => undefined,
    reportRetry: (_context, _params: { error: unknown }) => undefined,
  },
}).createMachine({
  id: 'etcd',
  context: { failures: 0, error: undefined },
  initial: 'connecting',
  options: { maxIterations: 100 },
  on: {
    stop: { target: '.draining' },
    'data.refused': {
      target: '.failed',
      actions: { type: 'keepError', params: ({ event }) => ({ error: event.error }) },
    },
  },
  states: {
    connecting: {
      invoke: {
        id: 'connect',
        src: 'connect',
        onDone: { target: 'loading' },
        onError: {
          target: 'unreachable',
          actions: { type: 'reportRetry', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    loading: {
      invoke: {
        id: 'load',
        src: 'load',
        onDone: { target: 'serving', actions: { type: 'forgetFailures' } },
        onError: [
          {
            guard: { type: 'isRefusal', params: ({ event }) => ({ error: event.error }) },
            target: 'failed',
            actions: { type: 'keepError', params: ({ event }) => ({ error: event.error }) },
          },
          { target: 'unreachable', actions: { type: 'reportRetry', params: ({ event }) => ({ error: event.error }) } },
        ],
      },
    },
    unreachable: {
      entry: { type: 'countFailure' },
      after: { retry: { target: 'connecting' } },
    },
    serving: {
      type: 'parallel',
      entry: { type: 'openDoors' },
      exit: { type: 'closeDoors' },
      on: { 'track.lost': { target: 'loading' } },
      states: {
        index: {
          initial: 'current',
          states: {
            current: { on: { 'feed.interrupted': { target: 'catchingUp' } } },
            catchingUp: {
              invoke: {
                id: 'catchUp',
                src: 'catchUp',
                onDone: { target: 'current' },
                onError: {
                  target: '#etcd.loading',
                  actions: { type: 'reportRetry', params: ({ event }) => ({ error: event.error }) },
                },
              },
            },
          },
        },
        writes: {
          initial: 'open',
          states: {
            open: { on: { 'write.refused': { target: 'suspended' } } },
            suspended: { on: { 'write.accepted': { target: 'open' } } },
          },
        },
      },
    },
    failed: { entry: { type: 'reportFailure' }, on: { 'data.refused': {} } },
    draining: {
      on: { stop: {}, 'data.refused': {} },
      invoke: { id: 'drain', src: 'drain', onDone: { target: 'stopped' }, onError: { target: 'stopped' } },
    },
    stopped: { type: 'final' },
  },
});
