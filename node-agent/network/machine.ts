import { assign, fromPromise, setup, stateIn } from 'xstate';

export type PodNetworkEvent = { readonly type: 'nodes.changed' } | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/**
 * A node's part of the pod network: what Nodes say becomes configuration, routes and rules, whenever they change, and again
 * where the kernel has lost some, as it does with a link that was down.
 */
export const podNetworkMachine = setup({
  types: {
    context: {} as { /** Times in a row that it could not be done. */ readonly failures: number },
    events: {} as PodNetworkEvent,
  },
  actors: {
    syncNodes: fromPromise<void>(unwired('syncNodes')),
    prepareNode: fromPromise<void>(unwired('prepareNode')),
    apply: fromPromise<void>(unwired('apply')),
    /** Whether all is in the kernel as it was written. */
    check: fromPromise<boolean>(unwired('check')),
  },
  guards: { isWhole: (_, { whole }: { readonly whole: boolean }) => whole },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    leave: () => undefined,
  },
  /** ms. A cluster that starts has many changes of Nodes in a row. */
  delays: {
    gathering: 20,
    checking: 5_000,
    backoff: ({ context }) => Math.min(250 * 2 ** (context.failures - 1), 30_000),
  },
}).createMachine({
  id: 'podNetwork',
  context: { failures: 0 },
  initial: 'learning',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    learning: {
      invoke: { id: 'syncNodes', src: 'syncNodes', onDone: { target: 'preparing' }, onError: { target: 'stopped' } },
    },
    preparing: {
      invoke: {
        id: 'prepareNode',
        src: 'prepareNode',
        onDone: { target: 'applying', actions: { type: 'forgetFailures' } },
        onError: {
          target: 'unprepared',
          actions: [{ type: 'countFailure' }, { type: 'reportFailure', params: ({ event }) => event }],
        },
      },
    },
    unprepared: { after: { backoff: { target: 'preparing' } } },
    applying: {
      initial: 'clean',
      states: { clean: { on: { 'nodes.changed': { target: 'dirty' } } }, dirty: {} },
      invoke: {
        id: 'apply',
        src: 'apply',
        onDone: [
          { guard: stateIn({ applying: 'dirty' }), target: 'applying', reenter: true, actions: { type: 'forgetFailures' } },
          { target: 'settled', actions: { type: 'forgetFailures' } },
        ],
        onError: {
          target: 'backingOff',
          actions: [{ type: 'countFailure' }, { type: 'reportFailure', params: ({ event }) => event }],
        },
      },
    },
    backingOff: { after: { backoff: { target: 'applying' } } },
    settled: {
      on: { 'nodes.changed': { target: 'gathering' } },
      after: { checking: { target: 'checking' } },
    },
    gathering: { after: { gathering: { target: 'applying' } } },
    checking: {
      invoke: {
        id: 'check',
        src: 'check',
        onDone: [
          { guard: { type: 'isWhole', params: ({ event }) => ({ whole: event.output }) }, target: 'settled' },
          { target: 'applying' },
        ],
        onError: { target: 'applying' },
      },
      on: { 'nodes.changed': { target: 'applying' } },
    },
    stopped: { entry: { type: 'leave' }, type: 'final' },
  },
}); // prettier-ignore
