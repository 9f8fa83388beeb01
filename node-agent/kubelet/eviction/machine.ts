import { fromPromise, setup } from 'xstate';

type Event = { readonly type: 'stop' } | { readonly type: 'look' };
const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
/** What a look at the node found. */
export type Finding = 'enough' | 'tooLittle' | 'evicted';

/** Sees to it that a node does not run out of what its pods share. Source: kubelet eviction_manager.go Start. */
export const evictionMachine = setup({
  types: { events: {} as Event },
  actors: {
    /** Compares what there is with what there should be; ends pods that keep more than they may. */
    look: fromPromise<Finding>(unwired('look')),
    /** Removes what nobody uses. True: that was enough. */
    reclaim: fromPromise<boolean>(unwired('reclaim')),
    /** Ends one pod. False: there is none that may go. */
    evict: fromPromise<boolean>(unwired('evict')),
    /** Resolves when the pods that were ended are gone, or after a while. */
    awaitEnds: fromPromise<void>(unwired('awaitEnds')),
  },
  guards: {
    isTooLittle: (_, params: { found: Finding }) => params.found === 'tooLittle',
    hasEvicted: (_, params: { found: Finding }) => params.found === 'evicted',
    isTrue: (_, params: { is: boolean }) => params.is,
  },
  actions: { logFailure: (_args, _params: { error: unknown }) => undefined },
  /** Source: kubelet evictionMonitoringPeriod. */
  delays: { period: 10_000 },
}).createMachine({
  id: 'eviction',
  initial: 'looking',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    waiting: { after: { period: { target: 'looking' } }, on: { look: { target: 'looking' } } },
    looking: {
      invoke: {
        id: 'look',
        src: 'look',
        onDone: [
          { guard: { type: 'isTooLittle', params: ({ event }) => ({ found: event.output }) }, target: 'reclaiming' },
          { guard: { type: 'hasEvicted', params: ({ event }) => ({ found: event.output }) }, target: 'awaitingEnds' },
          { target: 'waiting' },
        ],
        onError: {
          target: 'waiting',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    reclaiming: {
      invoke: {
        id: 'reclaim',
        src: 'reclaim',
        onDone: [
          { guard: { type: 'isTrue', params: ({ event }) => ({ is: event.output }) }, target: 'waiting' },
          { target: 'evicting' },
        ],
        onError: {
          target: 'evicting',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    evicting: {
      invoke: {
        id: 'evict',
        src: 'evict',
        onDone: [
          { guard: { type: 'isTrue', params: ({ event }) => ({ is: event.output }) }, target: 'awaitingEnds' },
          { target: 'waiting' },
        ],
        onError: {
          target: 'waiting',
          actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    awaitingEnds: {
      invoke: {
        id: 'awaitEnds',
        src: 'awaitEnds',
        onDone: { target: 'looking' },
        onError: { target: 'waiting' },
      },
    },
    stopped: { type: 'final' },
  },
});
