import { fromPromise, setup } from 'xstate';

export type CloudEvent =
  { readonly type: 'leadership.gained' } | { readonly type: 'leadership.lost' } | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/** The life of a cloud controller manager. Only in `leading` do its controllers work; a standby keeps its caches warm. */
export const cloudMachine = setup({
  types: { events: {} as CloudEvent },
  actors: {
    syncCaches: fromPromise<void>(unwired('syncCaches')),
    finishWork: fromPromise<void>(unwired('finishWork')),
  },
  actions: {
    campaign: () => undefined,
    activate: () => undefined,
    deactivate: () => undefined,
  },
}).createMachine({
  id: 'cloud',
  initial: 'syncing',
  options: { maxIterations: 100 },
  states: {
    syncing: {
      invoke: {
        id: 'syncCaches',
        src: 'syncCaches',
        onDone: { target: 'standby', actions: { type: 'campaign' } },
        onError: { target: 'stopped' },
      },
      on: { stop: { target: 'stopped' } },
    },
    standby: { on: { 'leadership.gained': { target: 'leading' }, stop: { target: 'draining' } } },
    leading: {
      entry: { type: 'activate' },
      on: {
        'leadership.lost': { target: 'standby', actions: { type: 'deactivate' } },
        stop: { target: 'draining' },
      },
    },
    /** What is under way is finished, still as the leader. */
    draining: {
      invoke: {
        id: 'finishWork',
        src: 'finishWork',
        onDone: { target: 'stopped' },
        onError: { target: 'stopped' },
      },
    },
    stopped: { type: 'final' },
  },
});
