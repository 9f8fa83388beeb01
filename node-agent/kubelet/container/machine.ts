import { assign, fromPromise, setup } from 'xstate';

export type ContainerEvent =
  /** The pod's turn has come to this container. */
  | { readonly type: 'start' }
  /** The runtime says that the newest run has ended. */
  | { readonly type: 'container.exited' }
  /** A probe demands that it be killed and run again. */
  | { readonly type: 'kill'; readonly message: string }
  /** The pod's sandbox is gone: it waits for its turn in the next one. */
  | { readonly type: 'sandbox.lost' }
  /** It is to run another image than it did. */
  | { readonly type: 'definition.changed' }
  /** The pod ends: nothing is started any more. */
  | { readonly type: 'pod.ending' }
  /** The pod must end sooner than it was told. */
  | { readonly type: 'grace.shortened' }
  | { readonly type: 'stop' };

export interface ContainerContext {
  /** Names the container within its node: `<pod uid>/<name>`. */
  readonly id: string;
  /** Runs that ended and were to be repeated, in a row; forgiven after ten minutes of running. */
  readonly crashes: number;
  readonly failedPulls: number;
  readonly resumes: ContainerInput['resumes'];
}
export interface ContainerInput {
  readonly id: string;
  /** What an earlier kubelet left behind. */
  readonly resumes: 'waiting' | 'running' | 'exited';
  readonly crashes: number;
}
const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
interface Failure {
  readonly id: string;
  readonly error: unknown;
}

/** Source: kubelet backOffPeriod. */
const CONFIG_RETRY_MS = 10_000;

/** One container of a pod, through all its runs. What it has become is in its record; this is what it is about. */
export const containerMachine = setup({
  types: { context: {} as ContainerContext, events: {} as ContainerEvent, input: {} as ContainerInput },
  actors: {
    pull: fromPromise<void, { id: string }>(unwired('pull')),
    launch: fromPromise<void, { id: string }>(unwired('launch')),
    kill: fromPromise<void, { id: string; message: string }>(unwired('kill')),
    end: fromPromise<void, { id: string }>(unwired('end')),
  },
  guards: {
    hasExited: () => false,
    hasRestart: () => false,
    hasRunLong: () => false,
    /** Its start failed, and it is not to run again. */
    hasEndedForGood: () => false,
    /** What it needs was not there: that says nothing about how it runs. */
    isNotCreated: (_args, _params: { error: unknown }) => false,
    isFirstCrash: ({ context }) => context.crashes === 0,
    isResumedRunning: ({ context }) => context.resumes === 'running',
    isResumedExited: ({ context }) => context.resumes === 'exited',
  },
  /** ms. `errorShown`: how long ErrImagePull is shown before ImagePullBackOff. */
  delays: { crashBackoff: 10_000, pullBackoff: 10_000, errorShown: 1_000, configRetry: CONFIG_RETRY_MS },
  actions: {
    countCrash: assign({ crashes: ({ context }) => context.crashes + 1 }),
    countPull: assign({ failedPulls: ({ context }) => context.failedPulls + 1 }),
    forgetPulls: assign({ failedPulls: 0 }),
    forgiveCrashes: assign({ crashes: 0 }),
    noteExit: () => undefined,
    startProbes: () => undefined,
    stopProbes: () => undefined,
    showRunning: () => undefined,
    showPullError: (_args, _failure: Failure) => undefined,
    showPullBackoff: () => undefined,
    showLaunchError: (_args, _failure: Failure) => undefined,
    tellLaunchError: (_args, _failure: Failure) => undefined,
    showCrashBackoff: () => undefined,
    settle: () => undefined,
  },
}).createMachine({
  id: 'container',
  context: ({ input }) => ({ id: input.id, crashes: input.crashes, failedPulls: 0, resumes: input.resumes }),
  initial: 'resuming',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' }, 'sandbox.lost': { target: '.waiting' } },
  states: {
    resuming: {
      always: [
        { guard: 'isResumedRunning', target: 'running' },
        { guard: 'isResumedExited', target: 'exited' },
        { target: 'waiting' },
      ],
    },
    /** Its turn has not come. */
    waiting: {
      on: {
        start: { target: 'pulling' },
        'pod.ending': { target: 'terminated' },
      },
    },
    pulling: {
      invoke: {
        id: 'pull',
        src: 'pull',
        input: ({ context }) => ({ id: context.id }),
        onDone: { target: 'launching', actions: { type: 'forgetPulls' } },
        onError: {
          target: 'pullFailed',
          actions: [
            { type: 'countPull' },
            {
              type: 'showPullError',
              params: ({ context, event }) => ({ id: context.id, error: event.error }),
            },
          ],
        },
      },
      on: { 'pod.ending': { target: 'terminated' } },
    },
    pullFailed: {
      after: { errorShown: { target: 'pullBackingOff' } },
      on: {
        'pod.ending': { target: 'terminated' },
        'definition.changed': { target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'forgetPulls' }] },
      },
    },
    pullBackingOff: {
      entry: { type: 'showPullBackoff' },
      after: { pullBackoff: { target: 'pulling' } },
      on: {
        'pod.ending': { target: 'terminated' },
        'definition.changed': { target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'forgetPulls' }] },
      },
    },
    launching: {
      invoke: {
        id: 'launch',
        src: 'launch',
        input: ({ context }) => ({ id: context.id }),
        onDone: { target: 'running', actions: { type: 'showRunning' } },
        onError: [
          {
            guard: { type: 'isNotCreated', params: ({ event }) => ({ error: event.error }) },
            target: 'configFailed',
            actions: {
              type: 'showLaunchError',
              params: ({ context, event }) => ({ id: context.id, error: event.error }),
            },
          },
          {
            guard: 'hasEndedForGood',
            target: 'exited',
            actions: {
              type: 'tellLaunchError',
              params: ({ context, event }) => ({ id: context.id, error: event.error }),
            },
          },
          {
            target: 'launchFailed',
            actions: {
              type: 'showLaunchError',
              params: ({ context, event }) => ({ id: context.id, error: event.error }),
            },
          },
        ],
      },
      on: { 'pod.ending': { target: 'ending' } },
    },
    /** Something that it needs is missing. */
    configFailed: {
      after: { configRetry: { target: 'pulling' } },
      on: {
        'pod.ending': { target: 'terminated' },
        'definition.changed': { target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'forgetPulls' }] },
      },
    },
    /** It could not be started, or its postStart hook failed: that is an end as any other. */
    launchFailed: {
      after: { errorShown: { target: 'restarting' } },
      on: {
        'pod.ending': { target: 'terminated' },
        'definition.changed': { target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'forgetPulls' }] },
      },
    },
    running: {
      entry: { type: 'startProbes' },
      exit: { type: 'stopProbes' },
      always: { guard: 'hasExited', target: 'exited' },
      on: {
        'container.exited': { target: 'exited' },
        kill: { target: 'killing' },
        'pod.ending': { target: 'ending' },
      },
    },
    killing: {
      invoke: {
        id: 'kill',
        src: 'kill',
        input: ({ context, event }) => ({ id: context.id, message: event.type === 'kill' ? event.message : '' }),
        onDone: { target: 'exited' },
        onError: { target: 'exited' },
      },
      on: { 'pod.ending': { target: 'ending' } },
    },
    exited: {
      entry: { type: 'noteExit' },
      always: [{ guard: 'hasRestart', target: 'restarting' }, { target: 'terminated' }],
    },
    restarting: {
      always: [
        { guard: 'hasRunLong', target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'countCrash' }] },
        { guard: 'isFirstCrash', target: 'pulling', actions: { type: 'countCrash' } },
        { target: 'crashBackingOff' },
      ],
    },
    crashBackingOff: {
      entry: { type: 'showCrashBackoff' },
      after: { crashBackoff: { target: 'pulling', actions: { type: 'countCrash' } } },
      on: {
        'pod.ending': { target: 'terminated' },
        'definition.changed': { target: 'pulling', actions: [{ type: 'forgiveCrashes' }, { type: 'forgetPulls' }] },
      },
    },
    /** Runs preStop, asks it to end, kills it after the grace. */
    ending: {
      invoke: {
        id: 'end',
        src: 'end',
        input: ({ context }) => ({ id: context.id }),
        onDone: { target: 'terminated', actions: { type: 'noteExit' } },
        onError: { target: 'terminated', actions: { type: 'noteExit' } },
      },
      on: { 'grace.shortened': { target: 'ending', reenter: true } },
    },
    terminated: { entry: { type: 'settle' } },
    stopped: { type: 'final' },
  },
});
