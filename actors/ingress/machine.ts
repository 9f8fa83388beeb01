import { fromPromise, setup } from 'xstate';

export type IngressEvent =
  { readonly type: 'leadership.gained' } | { readonly type: 'leadership.lost' } | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/** Life of an ingress controller: every replica passes requests on, the elected one also writes what people are told. */
export const ingressMachine = setup({
  types: { events: {} as IngressEvent },
  actors: {
    syncCaches: fromPromise<void>(unwired('syncCaches')),
    openDoors: fromPromise<void>(unwired('openDoors')),
    finishRequests: fromPromise<void>(unwired('finishRequests')),
  },
  actions: {
    campaign: () => undefined,
    tell: () => undefined,
    holdTongue: () => undefined,
    leave: () => undefined,
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
  },
}).createMachine({
  id: 'ingress',
  initial: 'syncing',
  options: { maxIterations: 100 },
  states: {
    // A door that opens before all is known would refuse what it is there for.
    syncing: {
      invoke: {
        id: 'syncCaches',
        src: 'syncCaches',
        onDone: { target: 'opening' },
        onError: { target: 'stopped', actions: [{ type: 'reportFailure', params: ({ event }) => event }] },
      },
      on: { stop: { target: 'stopped' } },
    },
    opening: {
      invoke: {
        id: 'openDoors',
        src: 'openDoors',
        onDone: { target: 'serving' },
        onError: { target: 'stopped', actions: [{ type: 'reportFailure', params: ({ event }) => event }] },
      },
      on: { stop: { target: 'stopped' } },
    },
    serving: {
      entry: { type: 'campaign' },
      initial: 'following',
      states: {
        following: { on: { 'leadership.gained': { target: 'leading' } } },
        leading: {
          entry: { type: 'tell' },
          exit: { type: 'holdTongue' },
          on: { 'leadership.lost': { target: 'following' } },
        },
      },
      on: { stop: { target: 'draining' } },
    },
    draining: {
      invoke: {
        id: 'finishRequests',
        src: 'finishRequests',
        onDone: { target: 'stopped' },
        onError: { target: 'stopped' },
      },
    },
    stopped: { entry: { type: 'leave' }, type: 'final' },
  },
});
