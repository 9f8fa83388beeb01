import { assign, fromPromise, setup } from 'xstate';

export type KubeProxyEvent =
  /** All Services and EndpointSlices have come. */
  | { readonly type: 'cluster.known' }
  /** Facts, or what rules say of the node, are other than they were. */
  | { readonly type: 'plan.changed' }
  | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/**
 * A service proxy's life. Changes are written at once, and then no more for a second; what comes meanwhile is written
 * together. What went wrong half-way is not mended but made anew.
 */
export const kubeProxyMachine = setup({
  types: { events: {} as KubeProxyEvent, context: {} as { readonly failures: number } },
  actors: {
    probe: fromPromise<void>(unwired('probe')),
    rebuild: fromPromise<void>(unwired('rebuild')),
    update: fromPromise<void>(unwired('update')),
  },
  guards: {
    isKnown: () => false,
    /** What rules say of the node is no more true. */
    mustRebuild: () => false,
    hasChanges: () => false,
    hasLeftovers: () => false,
  },
  actions: {
    reportUnable: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    reportSynced: () => undefined,
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    release: () => undefined,
  },
  delays: {
    /** Somebody may install what is missing. */
    probeAgain: 30_000,
    /** Source: KubeProxyNFTablesConfiguration minSyncPeriod. */
    minSyncPeriod: 1_000,
    /** Source: pkg/proxy/util FullSyncPeriod. */
    fullSyncPeriod: 3_600_000,
    /** At most as long as upstream's syncPeriod. */
    retryPeriod: ({ context }) => Math.min(500 * 2 ** context.failures, 30_000),
  },
}).createMachine({
  id: 'kubeProxy',
  context: { failures: 0 },
  initial: 'probing',
  options: { maxIterations: 100 },
  on: { stop: '.stopped' },
  states: {
    probing: {
      invoke: {
        id: 'probe',
        src: 'probe',
        onDone: 'learning',
        onError: { target: 'unable', actions: { type: 'reportUnable', params: ({ event }) => event } },
      },
    },
    /** This machine has not what it takes. */
    unable: { after: { probeAgain: 'probing' } },
    learning: {
      always: { guard: 'isKnown', target: 'rebuilding' },
      on: { 'cluster.known': 'rebuilding' },
    },
    rebuilding: {
      invoke: {
        id: 'rebuild',
        src: 'rebuild',
        onDone: { target: 'resting', actions: ['forgetFailures', 'reportSynced'] },
        onError: { target: 'failing', actions: { type: 'reportFailure', params: ({ event }) => event } },
      },
    },
    updating: {
      invoke: {
        id: 'update',
        src: 'update',
        onDone: { target: 'resting', actions: 'reportSynced' },
        onError: { target: 'failing', actions: { type: 'reportFailure', params: ({ event }) => event } },
      },
    },
    failing: { exit: 'countFailure', after: { retryPeriod: 'rebuilding' } },
    resting: {
      after: {
        minSyncPeriod: [
          { guard: 'mustRebuild', target: 'rebuilding' },
          { guard: 'hasChanges', target: 'updating' },
          { guard: 'hasLeftovers', target: 'updating' },
          { target: 'synced' },
        ],
      },
    },
    synced: {
      on: {
        'plan.changed': [
          { guard: 'mustRebuild', target: 'rebuilding' },
          { guard: 'hasChanges', target: 'updating' },
        ],
      },
      after: { fullSyncPeriod: 'rebuilding' },
    },
    stopped: { type: 'final', entry: 'release' },
  },
});
