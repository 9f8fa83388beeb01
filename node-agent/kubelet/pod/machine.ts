import { fromPromise, setup } from 'xstate';

export type PodEvent =
  /** One of its containers has become something else. */
  | { readonly type: 'container.changed' }
  /** The API wants it gone: it has a deletion timestamp. */
  | { readonly type: 'pod.deleted' }
  /** The API does not have it any more. */
  | { readonly type: 'pod.lost' }
  /** Its sandbox has died, or is gone. */
  | { readonly type: 'sandbox.lost' }
  | { readonly type: 'deadline.exceeded' }
  /** A second deletion asked for less grace. */
  | { readonly type: 'grace.shortened' }
  /** The kubelet stops; containers go on without it. */
  | { readonly type: 'stop' };

export interface PodContext {
  readonly uid: string;
}
const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
type Input = { readonly uid: string };
const uid = ({ context }: { context: PodContext }): Input => ({ uid: context.uid });

/** One pod on its node, from the binding to its removal. */
export const podMachine = setup({
  types: { context: {} as PodContext, events: {} as PodEvent, input: {} as Input },
  actors: {
    createSandbox: fromPromise<void, Input>(unwired('createSandbox')),
    replaceSandbox: fromPromise<void, Input>(unwired('replaceSandbox')),
    endContainers: fromPromise<void, Input>(unwired('endContainers')),
    killContainers: fromPromise<void, Input>(unwired('killContainers')),
    removeFromApi: fromPromise<void, Input>(unwired('removeFromApi')),
  },
  guards: {
    isOver: () => false,
    isRejected: () => false,
    isAdopted: () => false,
    /** A kubelet before this one left a sandbox that is of no use. */
    isStranded: () => false,
    /** None of its containers would run in another sandbox. */
    isAbandoned: () => false,
    isDeleted: () => false,
    isInitialized: () => false,
    isCompleted: () => false,
  },
  /** ms. */
  delays: { sandboxRetry: 10_000, removalRetry: 1_000 },
  actions: {
    reject: () => undefined,
    showPending: () => undefined,
    showSandboxError: (_args, _params: { uid: string; error: unknown }) => undefined,
    startDue: () => undefined,
    failByDeadline: () => undefined,
    shortenGrace: () => undefined,
    /** Gives the sandbox back and shows the last of the pod. */
    close: () => undefined,
    forget: () => undefined,
  },
}).createMachine({
  id: 'pod',
  context: ({ input }) => ({ uid: input.uid }),
  initial: 'arriving',
  options: { maxIterations: 100 },
  on: { 'pod.lost': { target: '.killing' }, stop: { target: '.stopped' } },
  states: {
    arriving: {
      always: [
        { guard: 'isOver', target: 'finished' },
        { guard: 'isAdopted', target: 'tending' },
        { guard: 'isDeleted', target: 'removing' },
        { guard: 'isStranded', target: 'replacingSandbox' },
        { guard: 'isRejected', target: 'rejected' },
        { target: 'creatingSandbox' },
      ],
    },
    rejected: { entry: { type: 'reject' }, always: { target: 'finished' } },
    creatingSandbox: {
      entry: { type: 'showPending' },
      invoke: {
        id: 'createSandbox',
        src: 'createSandbox',
        input: uid,
        onDone: { target: 'tending' },
        onError: {
          target: 'sandboxFailed',
          actions: {
            type: 'showSandboxError',
            params: ({ context, event }) => ({ uid: context.uid, error: event.error }),
          },
        },
      },
      on: { 'pod.deleted': { target: 'terminating' }, 'deadline.exceeded': { target: 'overdue' } },
    },
    sandboxFailed: {
      after: { sandboxRetry: { target: 'creatingSandbox' } },
      on: { 'pod.deleted': { target: 'terminating' }, 'deadline.exceeded': { target: 'overdue' } },
    },
    tending: {
      initial: 'initializing',
      always: { guard: 'isDeleted', target: 'terminating' },
      states: {
        /** Init containers, one after the other. */
        initializing: {
          entry: { type: 'startDue' },
          always: [
            { guard: 'isCompleted', target: '#pod.completing' },
            { guard: 'isInitialized', target: 'running' },
          ],
          on: { 'container.changed': { actions: { type: 'startDue' } } },
        },
        running: {
          entry: { type: 'startDue' },
          always: { guard: 'isCompleted', target: '#pod.completing' },
          on: { 'container.changed': { actions: { type: 'startDue' } } },
        },
      },
      on: {
        'pod.deleted': { target: 'terminating' },
        'deadline.exceeded': { target: 'overdue' },
        'sandbox.lost': { target: 'replacingSandbox' },
      },
    },
    /** What ran in a sandbox that died is ended; all begins anew in another. */
    replacingSandbox: {
      invoke: {
        id: 'replaceSandbox',
        src: 'replaceSandbox',
        input: uid,
        onDone: [{ guard: 'isAbandoned', target: 'completing' }, { target: 'creatingSandbox' }],
        onError: { target: 'replacementFailed' },
      },
      on: { 'pod.deleted': { target: 'terminating' }, 'deadline.exceeded': { target: 'overdue' } },
    },
    replacementFailed: {
      after: { sandboxRetry: { target: 'replacingSandbox' } },
      on: { 'pod.deleted': { target: 'terminating' }, 'deadline.exceeded': { target: 'overdue' } },
    },
    /** Its work is done; sidecars are asked to end. */
    completing: {
      invoke: {
        id: 'endContainers',
        src: 'endContainers',
        input: uid,
        onDone: { target: 'finished' },
        onError: { target: 'finished' },
      },
    },
    overdue: { entry: { type: 'failByDeadline' }, always: { target: 'terminating' } },
    terminating: {
      invoke: {
        id: 'endContainers',
        src: 'endContainers',
        input: uid,
        onDone: { target: 'finished' },
        onError: { target: 'finished' },
      },
      on: { 'grace.shortened': { actions: { type: 'shortenGrace' } } },
    },
    /** Nothing runs; the API keeps the pod until someone deletes it. */
    finished: {
      entry: { type: 'close' },
      always: { guard: 'isDeleted', target: 'removing' },
      on: { 'pod.deleted': { target: 'removing' } },
    },
    removing: {
      invoke: {
        id: 'removeFromApi',
        src: 'removeFromApi',
        input: uid,
        onDone: { target: 'gone' },
        onError: { target: 'removalFailed' },
      },
    },
    removalFailed: { after: { removalRetry: { target: 'removing' } } },
    killing: {
      invoke: {
        id: 'killContainers',
        src: 'killContainers',
        input: uid,
        onDone: { target: 'gone' },
        onError: { target: 'gone' },
      },
      on: { 'pod.lost': {} },
    },
    gone: { entry: { type: 'forget' }, type: 'final' },
    stopped: { entry: { type: 'forget' }, type: 'final' },
  },
});
