import { assign, fromPromise, setup } from 'xstate';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
/** Of five rounds one is about images too. Source: kubelet ContainerGCPeriod, ImageGCPeriod. */
export const ROUNDS_OF_IMAGES = 5;

/** Takes away what is left of containers, and images that are too many. Source: kubelet StartGarbageCollection. */
export const garbageMachine = setup({
  types: { events: {} as { readonly type: 'stop' }, context: {} as { readonly rounds: number } },
  actors: {
    collectContainers: fromPromise<void>(unwired('collectContainers')),
    collectImages: fromPromise<void>(unwired('collectImages')),
  },
  guards: { isImagesTurn: ({ context }) => context.rounds % ROUNDS_OF_IMAGES === 0 },
  actions: {
    count: assign({ rounds: ({ context }) => context.rounds + 1 }),
    logFailure: (_args, _params: { error: unknown }) => undefined,
  },
  delays: { period: 60_000 },
}).createMachine({
  id: 'garbage',
  initial: 'waiting',
  context: { rounds: 0 },
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    waiting: { after: { period: { target: 'collectingContainers', actions: 'count' } } },
    collectingContainers: {
      invoke: {
        id: 'collectContainers',
        src: 'collectContainers',
        onDone: [{ guard: 'isImagesTurn', target: 'collectingImages' }, { target: 'waiting' }],
        onError: {
          target: 'waiting',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    collectingImages: {
      invoke: {
        id: 'collectImages',
        src: 'collectImages',
        onDone: { target: 'waiting' },
        onError: {
          target: 'waiting',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    stopped: { type: 'final' },
  },
});
