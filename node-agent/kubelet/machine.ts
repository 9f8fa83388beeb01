import { assign, fromPromise, setup } from 'xstate';

export type KubeletEvent = { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/** How long an unregistered node waits, ms. Source: pkg/kubelet registerWithAPIServer. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 7_000;

/** A kubelet's life: one a node. */
export const kubeletMachine = setup({
  types: { events: {} as KubeletEvent, context: {} as { readonly failures: number } },
  actors: {
    register: fromPromise<void>(unwired('register')),
    syncPods: fromPromise<void>(unwired('syncPods')),
    finishWrites: fromPromise<void>(unwired('finishWrites')),
  },
  delays: {
    registerRetry: ({ context }) => Math.min(FIRST_RETRY_MS * 2 ** (context.failures - 1), LONGEST_RETRY_MS),
  },
  actions: { beat: () => undefined, leavePods: () => undefined, logFailure: (_args, _params: { error: unknown }) => undefined }, // prettier-ignore
}).createMachine({
  id: 'kubelet',
  initial: 'registering',
  context: { failures: 0 },
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
          actions: [
            assign({ failures: ({ context }) => context.failures + 1 }),
            { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
          ],
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
