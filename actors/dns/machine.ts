import { assign, fromPromise, setup } from 'xstate';

export type DnsEvent = { readonly type: 'cluster.known' } | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/**
 * A name server's life. It waits for what the cluster's names stand for; where that takes long it opens all the same: names
 * of others are answered, those of the cluster are not, which is said.
 */
export const dnsMachine = setup({
  types: { events: {} as DnsEvent, context: {} as { readonly failures: number } },
  actors: {
    openDoors: fromPromise<void>(unwired('openDoors')),
    closeDoors: fromPromise<void>(unwired('closeDoors')),
    makeService: fromPromise<void>(unwired('makeService')),
  },
  guards: { isKnown: () => false, isLasting: () => false },
  actions: {
    reportReady: () => undefined,
    reportWaiting: () => undefined,
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    reportService: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    release: () => undefined,
  },
  // Source: coredns plugin/kubernetes: defaultStartupTimeout; between tries to open: ours.
  delays: {
    patience: 5_000,
    reopening: 1_000,
    again: 60_000,
    // In a cluster that is just being made it may come before its rights.
    later: ({ context }) => Math.min(250 * 2 ** context.failures, 60_000),
  },
}).createMachine({
  id: 'dns',
  context: { failures: 0 },
  initial: 'learning',
  options: { maxIterations: 100 },
  states: {
    learning: {
      on: { 'cluster.known': 'opening', stop: 'stopped' },
      after: { patience: { target: 'opening', actions: 'reportWaiting' } },
    },
    opening: {
      invoke: {
        id: 'openDoors',
        src: 'openDoors',
        onDone: 'serving',
        onError: { target: 'closed', actions: { type: 'reportFailure', params: ({ event }) => event } },
      },
      on: { stop: 'draining' },
    },
    /** Another program has the port. */
    closed: { after: { reopening: 'opening' }, on: { stop: 'stopped' } },
    serving: {
      entry: 'reportReady',
      on: { stop: 'draining' },
      initial: 'others',
      states: {
        /** Names of others alone; the cluster's are not known yet. */
        others: { always: { guard: 'isKnown', target: 'all' }, on: { 'cluster.known': 'all' } },
        all: {
          initial: 'introducing',
          states: {
            /** The service by which it is found. */
            introducing: {
              invoke: {
                id: 'makeService',
                src: 'makeService',
                onDone: 'introduced',
                onError: {
                  target: 'unknown',
                  actions: ['countFailure', { type: 'reportService', params: ({ event }) => event }],
                },
              },
            },
            /** What others take away, or leave behind, is seen sooner or later. */
            introduced: { after: { again: { guard: 'isLasting', target: 'introducing' } } },
            unknown: { after: { later: 'introducing' } },
          },
        },
      },
    },
    draining: {
      invoke: { id: 'closeDoors', src: 'closeDoors', onDone: 'stopped', onError: 'stopped' },
    },
    stopped: { type: 'final', entry: 'release' },
  },
});
