import { fromPromise, setup } from 'xstate';

/** Without a question for so long, what nodes told is forgotten. */
export const IDLE_MS = 300_000;

type Event = { readonly type: 'metrics.asked' } | { readonly type: 'stop' };

/** Life of the one who serves metrics.k8s.io: nothing is measured, kept or timed while nobody asks. */
export const metricsMachine = setup({
  types: { events: {} as Event },
  actors: {
    finishAnswers: fromPromise<void>(() => Promise.reject(new Error('not provided'))),
  },
  actions: {
    openDoor: () => undefined,
    closeDoor: () => undefined,
    forgetMeasurements: () => undefined,
  },
  delays: { patience: IDLE_MS },
}).createMachine({
  id: 'metrics',
  initial: 'serving',
  options: { maxIterations: 100 },
  on: { stop: { target: '.draining' } },
  states: {
    serving: {
      entry: 'openDoor',
      exit: ['closeDoor', 'forgetMeasurements'],
      initial: 'idle',
      states: {
        idle: { on: { 'metrics.asked': 'measuring' } },
        measuring: {
          after: { patience: { target: 'idle', actions: 'forgetMeasurements' } },
          on: { 'metrics.asked': { target: 'measuring', reenter: true } },
        },
      },
    },
    draining: {
      on: { stop: {} },
      invoke: { id: 'finishAnswers', src: 'finishAnswers', onDone: 'stopped', onError: 'stopped' },
    },
    stopped: { type: 'final' },
  },
});
