import { assign, fromPromise, setup, stateIn } from 'xstate';

export type VolumeEvent =
  /** What it shows has changed, or may be had now. */
  | { readonly type: 'source.changed' }
  /** Nothing uses it any more. */
  | { readonly type: 'pod.ended' }
  /** The kubelet stops; what is mounted stays. */
  | { readonly type: 'stop' };

export interface VolumeContext {
  readonly id: string;
  readonly failures: number;
}
type Input = { readonly id: string };
const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
const id = ({ context }: { context: VolumeContext }): Input => ({ id: context.id });

/** ms. Source: pkg/util/goroutinemap/exponentialbackoff. */
const FIRST_MS = 500;
const LONGEST_MS = 122_000;

/** One volume of a pod, from when the pod is to be started until nothing of it is left on the node. */
export const volumeMachine = setup({
  types: { context: {} as VolumeContext, events: {} as VolumeEvent, input: {} as Input },
  actors: {
    setUp: fromPromise<void, Input>(unwired('setUp')),
    tearDown: fromPromise<void, Input>(unwired('tearDown')),
  },
  guards: { isDirty: stateIn({ settingUp: 'dirty' }) },
  delays: { backoff: ({ context }) => Math.min(FIRST_MS * 2 ** (context.failures - 1), LONGEST_MS) },
  actions: {
    forgetFailures: assign({ failures: 0 }),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    tellMounted: (_args, _params: { id: string }) => undefined,
    tellFailure: (_args, _params: { id: string; error: unknown }) => undefined,
    logTearDownFailure: (_args, _params: { id: string; error: unknown }) => undefined,
    tellGone: (_args, _params: { id: string }) => undefined,
  },
}).createMachine({
  id: 'volume',
  context: ({ input }) => ({ id: input.id, failures: 0 }),
  initial: 'settingUp',
  options: { maxIterations: 100 },
  on: { 'pod.ended': { target: '.tearingDown' }, stop: { target: '.stopped' } },
  states: {
    settingUp: {
      invoke: {
        id: 'setUp',
        src: 'setUp',
        input: id,
        onDone: [{ guard: 'isDirty', target: 'settingUp', reenter: true }, { target: 'mounted' }],
        onError: {
          target: 'failed',
          actions: [
            { type: 'countFailure' },
            { type: 'tellFailure', params: ({ context, event }) => ({ id: context.id, error: event.error }) },
          ],
        },
      },
      initial: 'clean',
      states: { clean: { on: { 'source.changed': { target: 'dirty' } } }, dirty: {} },
    },
    mounted: {
      entry: [{ type: 'forgetFailures' }, { type: 'tellMounted', params: id }],
      on: { 'source.changed': { target: 'settingUp' } },
    },
    failed: {
      after: { backoff: { target: 'settingUp' } },
      on: { 'source.changed': { target: 'settingUp' } },
    },
    tearingDown: {
      entry: { type: 'forgetFailures' },
      invoke: {
        id: 'tearDown',
        src: 'tearDown',
        input: id,
        onDone: { target: 'gone' },
        onError: {
          target: 'tearDownFailed',
          actions: [
            { type: 'countFailure' },
            { type: 'logTearDownFailure', params: ({ context, event }) => ({ id: context.id, error: event.error }) },
          ],
        },
      },
      on: { 'pod.ended': {} },
    },
    /** Something still uses it. */
    tearDownFailed: { after: { backoff: { target: 'retryingTearDown' } }, on: { 'pod.ended': {} } },
    retryingTearDown: {
      invoke: {
        id: 'tearDownAgain',
        src: 'tearDown',
        input: id,
        onDone: { target: 'gone' },
        onError: { target: 'tearDownFailed', actions: { type: 'countFailure' } },
      },
      on: { 'pod.ended': {} },
    },
    gone: { entry: { type: 'tellGone', params: id }, type: 'final' },
    stopped: { type: 'final' },
  },
});
