import { fromPromise, setup } from 'xstate';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

export type ListenerEvent =
  /** Takes no more connections; those there are go on. */
  { readonly type: 'retirement.asked' } | { readonly type: 'removal.asked' };

/** One port of a load balancer's address. */
export const listenerMachine = setup({
  types: { events: {} as ListenerEvent },
  actors: {
    listen: fromPromise<void>(unwired('listen')),
    connectionsEnd: fromPromise<void>(unwired('connectionsEnd')),
  },
  actions: {
    noteOpened: () => undefined,
    noteRefused: (_scope, _params: { error: unknown }) => undefined,
    stopListening: () => undefined,
    cutConnections: () => undefined,
  },
}).createMachine({
  id: 'listener',
  initial: 'opening',
  options: { maxIterations: 100 },
  states: {
    opening: {
      invoke: {
        id: 'listen',
        src: 'listen',
        onDone: { target: 'serving', actions: { type: 'noteOpened' } },
        onError: {
          target: 'refused',
          actions: { type: 'noteRefused', params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: {
        'retirement.asked': { target: 'closed', actions: { type: 'stopListening' } },
        'removal.asked': { target: 'closed', actions: { type: 'stopListening' } },
      },
    },
    serving: {
      exit: { type: 'stopListening' },
      on: {
        'retirement.asked': { target: 'draining' },
        'removal.asked': { target: 'closed', actions: { type: 'cutConnections' } },
      },
    },
    draining: {
      invoke: {
        id: 'connectionsEnd',
        src: 'connectionsEnd',
        onDone: { target: 'closed' },
        onError: { target: 'closed' },
      },
      on: { 'removal.asked': { target: 'closed', actions: { type: 'cutConnections' } } },
    },
    /** The machine does not let us listen there. */
    refused: { type: 'final' },
    closed: { type: 'final' },
  },
});
