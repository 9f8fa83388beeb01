import { fromPromise, setup } from 'xstate';

export type KubeletEvent = { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/** A kubelet's life: one a node. */
export const kubeletMachine = setup({
  types: { events: {} as KubeletEvent },
  actors: {
    register: fromPromise<void>(unwired('register')),
    syncPods: fromPromise<void>(unwired('syncPods')),
    finishWrites: fromPromise<void>(unwired('finishWrites')),
  },
  /** ms. */
  delays: { registerRetry: 1_000 },
  actions: { beat: () => undefined, leavePods: () => undefined, logFailure: (_args, _params: { error: unknown }) => undefined }, // prettier-ignore
}).createMachine({
  id: 'kubelet',
  initial: 'registering',
  options: { maxIterations: 100 },
  states: {
    /** Makes or finds its Node object, and its Lease. */
    registering: {
      invoke: {
        id: 'register',
        src: 'register',
        onDone: { target: 'syncing', actions: { type: 'beat' } },
        onError: {
          target: 'waitingForApi',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
      on: { stop: { target: 'stopped' } },
    },
    waitingForApi: {
      after: { registerRetry: { target: 'registering' } },
      on: { stop: { target: 'stopped' } },
    },
    syncing: {
      invoke: { id: 'syncPods', src: 'syncPods', onDone: { target: 'running' }, onError: { target: 'running' } },
      on: { stop: { target: 'draining' } },
    },
    running: { on: { stop: { target: 'draining' } } },
    /** Containers go on; what is known of them is written down. */
    draining: {
      entry: { type: 'leavePods' },
      invoke: {
        id: 'finishWrites',
        src: 'finishWrites',
        onDone: { target: 'stopped' },
        onError: { target: 'stopped' },
      },
    },
    stopped: { type: 'final' },
  },
});
