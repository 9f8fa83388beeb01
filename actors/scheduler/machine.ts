import { fromPromise, setup } from 'xstate';

export type SchedulerEvent =
  { readonly type: 'leadership.gained' } | { readonly type: 'leadership.lost' } | { readonly type: 'stop' };

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

/** A scheduler's life. Only in `scheduling` does it place pods; a standby keeps its caches warm. */
export const schedulerMachine = setup({
  types: {
    context: {} as { readonly elects: boolean; readonly delays: boolean },
    events: {} as SchedulerEvent,
    input: {} as { elects: boolean; delays?: boolean },
  },
  actors: {
    syncCaches: fromPromise<void>(unwired('syncCaches')),
    finishBindings: fromPromise<void>(unwired('finishBindings')),
  },
  guards: {
    isElected: ({ context }) => context.elects,
    isDelayed: ({ context }) => context.elects && context.delays,
  },
  actions: {
    placePods: () => undefined,
    rest: () => undefined,
    campaign: () => undefined,
    fillCaches: () => undefined,
    beReady: () => undefined,
    resign: () => undefined,
  },
}).createMachine({
  id: 'scheduler',
  context: ({ input }) => ({ elects: input.elects, delays: input.delays === true }),
  initial: 'syncing',
  options: { maxIterations: 100 },
  states: {
    syncing: {
      always: { guard: 'isDelayed', target: 'standby', actions: [{ type: 'beReady' }, { type: 'campaign' }] },
      invoke: {
        id: 'syncCaches',
        src: 'syncCaches',
        onDone: [{ guard: 'isElected', target: 'standby', actions: { type: 'campaign' } }, { target: 'scheduling' }],
        onError: { target: 'stopped' },
      },
      on: { stop: { target: 'stopped' } },
    },
    standby: {
      on: {
        'leadership.gained': [{ guard: 'isDelayed', target: 'warming' }, { target: 'scheduling' }],
        stop: { target: 'draining' },
      },
    },
    /** Leads, and fills its caches only now. */
    warming: {
      entry: { type: 'fillCaches' },
      invoke: { id: 'warm', src: 'syncCaches', onDone: { target: 'scheduling' }, onError: { target: 'stopped' } },
      on: { 'leadership.lost': { target: 'standby' }, stop: { target: 'draining' } },
    },
    scheduling: {
      entry: { type: 'placePods' },
      exit: { type: 'rest' },
      on: { 'leadership.lost': { target: 'standby' }, stop: { target: 'draining' } },
    },
    draining: {
      invoke: {
        id: 'finishBindings',
        src: 'finishBindings',
        onDone: { target: 'stopped' },
        onError: { target: 'stopped' },
      },
      exit: { type: 'resign' },
    },
    stopped: { type: 'final' },
  },
});

/**
 * One pod's way through the scheduler. It holds thousands of pods a second, so it is not run as an actor a pod: the
 * queue keeps each pod's state and looks up the next one in the table that `tabulate` makes of this chart.
 */
export const attemptMachine = setup({
  types: { events: {} as { readonly type: AttemptEvent } },
}).createMachine({
  id: 'attempt',
  initial: 'arriving',
  options: { maxIterations: 100 },
  on: { 'pod.deleted': { target: '.gone' } },
  states: {
    arriving: { on: { 'pod.queued': { target: 'active' }, 'pod.gated': { target: 'gated' } } },
    /** Waits for its scheduling gates to be lifted. */
    gated: { on: { 'pod.queued': { target: 'active' }, 'pod.gated': { target: 'gated' } } },
    /** Waits for its turn: by priority, then by age. */
    active: { on: { 'attempt.started': { target: 'scheduling' }, 'pod.gated': { target: 'gated' } } },
    scheduling: {
      on: {
        'node.chosen': { target: 'binding' },
        'nodes.refused': { target: 'unschedulable' },
        'attempt.failed': { target: 'backingOff' },
      },
    },
    /** Counted as on its node while the API is told. */
    binding: {
      on: {
        'binding.confirmed': { target: 'bound' },
        'binding.failed': { target: 'backingOff' },
        'node.withdrawn': { target: 'unschedulable' },
      },
    },
    /** Waits for a change in the cluster that could help. */
    unschedulable: {
      on: {
        'retry.due': { target: 'active' },
        'retry.early': { target: 'backingOff' },
        'pod.gated': { target: 'gated' },
      },
    },
    /** Waits out the time since its last failure. */
    backingOff: {
      on: { 'retry.due': { target: 'active' }, 'pod.gated': { target: 'gated' } },
    },
    bound: { type: 'final' },
    gone: { type: 'final' },
  },
});
export type AttemptEvent =
  | 'pod.queued'
  | 'pod.gated'
  | 'pod.deleted'
  | 'attempt.started'
  | 'attempt.failed'
  | 'node.chosen'
  | 'nodes.refused'
  | 'binding.confirmed'
  | 'binding.failed'
  | 'node.withdrawn'
  | 'retry.due'
  | 'retry.early';
export type AttemptState =
  'arriving' | 'gated' | 'active' | 'scheduling' | 'binding' | 'unschedulable' | 'backingOff' | 'bound' | 'gone';
export const ATTEMPT_EVENTS: readonly AttemptEvent[] = [
  'pod.queued', 'pod.gated', 'pod.deleted', 'attempt.started', 'attempt.failed', 'node.chosen', 'nodes.refused',
  'binding.confirmed', 'binding.failed', 'node.withdrawn', 'retry.due', 'retry.early',
]; // prettier-ignore
