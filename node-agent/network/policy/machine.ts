import { assign, fromPromise, setup, stateIn } from 'xstate';

export type PolicyEvent =
  /** There is a first one. */
  | { readonly type: 'policies.found' }
  /** There is none any more. */
  | { readonly type: 'policies.gone' }
  /** Of policies, pods or namespaces, what rules go by. */
  | { readonly type: 'world.changed' }
  /** A pod waits for its rules. */
  | { readonly type: 'pod.waiting' }
  | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/**
 * Who guards a node's pods. While there is no policy in the cluster nothing else is looked at; with the first one pods and
 * namespaces are, and from then on what changes is told to the kernel, soon or, where a pod waits for it, at once.
 */
export const policyMachine = setup({
  types: {
    context: {} as { /** Times in a row that it could not be done. */ readonly failures: number },
    events: {} as PolicyEvent,
  },
  actors: {
    syncPolicies: fromPromise<void>(unwired('syncPolicies')),
    syncWorld: fromPromise<void>(unwired('syncWorld')),
    apply: fromPromise<void>(unwired('apply')),
    clear: fromPromise<void>(unwired('clear')),
    check: fromPromise<void>(unwired('check')),
  },
  guards: { hasPolicies: () => false },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    reportFailure: (_context: unknown, _params: { readonly error: unknown }) => undefined,
    reportReady: () => undefined,
    leave: () => undefined,
  },
  /** ms. */
  delays: {
    gathering: 25,
    checking: 30_000,
    backoff: ({ context }) => Math.min(100 * 2 ** (context.failures - 1), 30_000),
  },
}).createMachine({
  id: 'networkPolicy',
  context: { failures: 0 },
  initial: 'learning',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    learning: {
      invoke: {
        id: 'syncPolicies',
        src: 'syncPolicies',
        onDone: [{ guard: { type: 'hasPolicies' }, target: 'opening' }, { target: 'clearing' }],
        onError: { target: 'stopped' },
      },
    },
    /** What is left of policies that there were. */
    clearing: {
      invoke: {
        id: 'clear',
        src: 'clear',
        onDone: [
          { guard: { type: 'hasPolicies' }, target: 'opening', actions: { type: 'forgetFailures' } },
          { target: 'unguarded', actions: { type: 'forgetFailures' } },
        ],
        onError: {
          target: 'unclear',
          actions: [{ type: 'countFailure' }, { type: 'reportFailure', params: ({ event }) => event }],
        },
      },
    },
    unclear: { after: { backoff: { target: 'clearing' } } },
    unguarded: { entry: { type: 'reportReady' }, on: { 'policies.found': { target: 'opening' } } },
    opening: {
      invoke: {
        id: 'syncWorld',
        src: 'syncWorld',
        onDone: { target: 'applying' },
        onError: {
          target: 'unopened',
          actions: [{ type: 'countFailure' }, { type: 'reportFailure', params: ({ event }) => event }],
        },
      },
      on: { 'policies.gone': { target: 'clearing' } },
    },
    unopened: { after: { backoff: { target: 'opening' } }, on: { 'policies.gone': { target: 'clearing' } } },
    applying: {
      initial: 'clean',
      states: {
        clean: { on: { 'world.changed': { target: 'dirty' }, 'pod.waiting': { target: 'dirty' }, 'policies.gone': { target: 'dirty' } } },
        dirty: {},
      },
      invoke: {
        id: 'apply',
        src: 'apply',
        onDone: [
          { guard: stateIn({ applying: 'dirty' }), target: 'changed', actions: { type: 'forgetFailures' } },
          { target: 'guarding', actions: { type: 'forgetFailures' } },
        ],
        onError: {
          target: 'backingOff',
          actions: [{ type: 'countFailure' }, { type: 'reportFailure', params: ({ event }) => event }],
        },
      },
    },
    changed: { always: [{ guard: { type: 'hasPolicies' }, target: 'applying' }, { target: 'clearing' }] },
    backingOff: { after: { backoff: { target: 'changed' } } },
    guarding: {
      entry: { type: 'reportReady' },
      after: { checking: { target: 'checking' } },
      on: {
        'world.changed': { target: 'gathering' },
        'pod.waiting': { target: 'applying' },
        'policies.gone': { target: 'clearing' },
      },
    },
    gathering: {
      after: { gathering: { target: 'changed' } },
      on: { 'pod.waiting': { target: 'applying' }, 'policies.gone': { target: 'clearing' } },
    },
    /** Whether nobody took the rules away. */
    checking: {
      invoke: { id: 'check', src: 'check', onDone: { target: 'guarding' }, onError: { target: 'applying' } },
      on: {
        'world.changed': { target: 'gathering' },
        'pod.waiting': { target: 'applying' },
        'policies.gone': { target: 'clearing' },
      },
    },
    stopped: { entry: { type: 'leave' }, type: 'final' },
  },
}); // prettier-ignore
